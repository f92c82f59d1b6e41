import { answerTo, type WebSocketConnection } from '../ground/websocket/kit-web-socket.ts';
import { agreeingText, type HeaderChanges, headOf, statusOf } from '../ground/websocket/upgrade.ts';
import type { History } from '../history/history.ts';
import { messageEvent } from '../history/message-event.ts';

/** Requests for an upgrade to a server (or `*`) that are agreed to otherwise than they should be. */
export interface UpgradeRule {
  readonly at: string;
  readonly changes: HeaderChanges;
  /** So many requests. */
  times: number;
}

/** What a connection over WebSocket tells of itself to whoever notes it. */
export interface UpgradeWatcher {
  /** The rule for the next request, if there is one; it is used up. */
  rule(): UpgradeRule | undefined;
  /** Whose connection it is cannot come out by a frame any more: it is a subject's. */
  beginAsSubject(): void;
  /** The number of a subject's connection; undefined where it is the kit's own. */
  number(): number | undefined;
}

/** The upgrade of one accepted connection: answered as a rule says, and noted when it is known to be a subject's. */
export class AcceptedUpgrade {
  #request = '';
  #answer = '';

  constructor(connection: WebSocketConnection, history: History, watcher: UpgradeWatcher) {
    connection.onRequest = (request) => {
      const rule = watcher.rule();
      const usual = answerTo(headOf(request));
      this.#request = request;
      this.#answer = rule === undefined ? usual : agreeingText(headOf(request), rule.changes);
      // The kit's own clients ask as they should, and are there before a program does such things.
      if (rule !== undefined || statusOf(headOf(usual)) !== 101) watcher.beginAsSubject();
      return this.#answer;
    };
    connection.onMessage = (message) => {
      // A message without a whole frame comes from no client of the kit.
      watcher.beginAsSubject();
      const number = watcher.number();
      if (number !== undefined) history.add(messageEvent(number, message));
    };
  }

  /** Puts into a history how a subject's connection began. */
  note(history: History, connection: number, node: string): void {
    history.add({ kind: 'upgrade', connection, from: 'subject', text: this.#request });
    history.add({ kind: 'upgrade', connection, from: 'kit', text: this.#answer });
    if (statusOf(headOf(this.#answer)) === 101)
      history.add({ kind: 'opened', connection, by: 'subject', node, binding: 'websocket' });
  }
}
