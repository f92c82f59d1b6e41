/** Files that a tutorial shows, and commands that it has its reader run. */
export function readTutorial(text: string): {
  readonly files: readonly { readonly name: string; readonly content: string }[];
  readonly commands: readonly string[];
};
