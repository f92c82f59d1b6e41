/** The command that runs a kept program again, against the subject of the command that found it. */
export const replayCommand = (command: string, file: string): string =>
  command.replace(/ --budget \w+ --seed \d+.*$/, '').replace(/ run \w+/, () => ` replay ${file}`);
