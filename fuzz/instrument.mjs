// Makes TypeScript to JavaScript in which every branch counts how often it was taken.
import ts from 'typescript';

const COUNTERS = '__taken';

/** Puts a counter in front of each block, branch, case and right side of a logical operator. */
function counting(probes) {
  return (context) => {
    const { factory } = context;
    const probe = () => {
      const counter = factory.createElementAccessExpression(factory.createIdentifier(COUNTERS), probes.count++);
      return factory.createPostfixIncrement(counter);
    };
    const counted = (expression) => factory.createParenthesizedExpression(factory.createComma(probe(), expression));
    const statement = () => factory.createExpressionStatement(probe());
    const block = (node) => (ts.isBlock(node) ? node : factory.createBlock([statement(), node], true));
    const LOGICAL = new Set([
      ts.SyntaxKind.AmpersandAmpersandToken,
      ts.SyntaxKind.BarBarToken,
      ts.SyntaxKind.QuestionQuestionToken,
    ]);
    const visit = (original) => {
      const node = ts.visitEachChild(original, visit, context);
      if (ts.isBlock(node)) return factory.updateBlock(node, [statement(), ...node.statements]);
      if (ts.isIfStatement(node)) {
        const otherwise = node.elseStatement === undefined ? undefined : block(node.elseStatement);
        return factory.updateIfStatement(node, node.expression, block(node.thenStatement), otherwise);
      }
      if (ts.isForStatement(node))
        return factory.updateForStatement(node, node.initializer, node.condition, node.incrementor, block(node.statement));
      if (ts.isForOfStatement(node))
        return factory.updateForOfStatement(node, node.awaitModifier, node.initializer, node.expression, block(node.statement));
      if (ts.isWhileStatement(node)) return factory.updateWhileStatement(node, node.expression, block(node.statement));
      if (ts.isCaseClause(node)) return factory.updateCaseClause(node, node.expression, [statement(), ...node.statements]);
      if (ts.isDefaultClause(node)) return factory.updateDefaultClause(node, [statement(), ...node.statements]);
      if (ts.isConditionalExpression(node)) {
        const { condition, questionToken, whenTrue, colonToken, whenFalse } = node;
        return factory.updateConditionalExpression(
          node,
          condition,
          questionToken,
          counted(whenTrue),
          colonToken,
          counted(whenFalse),
        );
      }
      if (ts.isBinaryExpression(node) && LOGICAL.has(node.operatorToken.kind))
        return factory.updateBinaryExpression(node, node.left, node.operatorToken, counted(node.right));
      if (ts.isArrowFunction(node) && !ts.isBlock(node.body)) {
        const { modifiers, typeParameters, parameters, type, equalsGreaterThanToken } = node;
        const body = counted(node.body);
        return factory.updateArrowFunction(node, modifiers, typeParameters, parameters, type, equalsGreaterThanToken, body);
      }
      return node;
    };
    return (file) => ts.visitNode(file, visit);
  };
}

/** @param claim name of what gives a module its own part of the shared map of counters. */
export function instrumented(path, text, claim) {
  const probes = { count: 0 };
  const { outputText } = ts.transpileModule(text, {
    fileName: path,
    compilerOptions: { target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.ESNext, verbatimModuleSyntax: true },
    transformers: { before: [counting(probes)] },
  });
  return `const ${COUNTERS} = globalThis.${claim}(${probes.count});\n${outputText}`;
}
