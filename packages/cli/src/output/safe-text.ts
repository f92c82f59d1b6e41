/** Control and bidirectional characters that others chose could move the cursor, forge lines or hide text. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: the rule is about control characters.
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/** The text with such characters written as `\u001b`. */
export function safeText(text: string): string {
  return text.replace(UNSAFE, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
