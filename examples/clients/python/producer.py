"""Sends messages: python3 producer.py TOPIC --key k 'text' … or lines of standard input. The rules are chapter 11's."""
import argparse
import sys
import time

from qanat import (ATTEMPT_S, BATCH_BYTES, BATCH_RECORDS, INIT_PRODUCER, NOT_MASTER, PRODUCER_FENCED, QUEUE_NOT_FOUND, SEND,
                   SEQUENCE_CONFLICT, SEQUENCE_GAP, TOPIC_CREATE, TOPIC_NOT_FOUND, UNKNOWN_OFFSET, UNKNOWN_PRODUCER, WRONG_BROKER,
                   BackOff, Broken, Connection, Message, NotSent, QanatError, Routes, Unknown, encode_batch, is_name, is_tag,
                   queue_of_key)


class Producer:
    """Stores each message once. send() returns offsets, or raises QanatError or NotSent (rejected) or Unknown."""
    def __init__(self, nameservers, compress=False, create_topics=False, label=''):
        self.compress, self.create_topics, self.label, self.turn = compress, create_topics, label, 0
        self.routes = Routes(nameservers, label)
        self.ids = {}        # broker -> (producer id, epoch), kept through every connection
        self.links = {}      # broker -> the connection that holds the id
        self.waits = {}      # broker -> how long to wait before it is dialled again
        self.sequences = {}  # (topic, broker, queue) -> the next sequence number

    def send(self, topic, messages, timeout=30.0):
        """Sends [Message] as one batch for each queue: with a key to the queue of the key, the others to one queue in turn.

        Gives (broker, queue, offset, duplicate) for each. An error is that of the first batch that failed."""
        if not is_name(topic):
            raise ValueError(f'no topic: {topic!r}')
        for message in messages:  # NAM-004, NAM-005
            if message.tag and not is_tag(message.tag) or len(message.key.encode()) > 255:
                raise ValueError(f'no tag or key: {message.tag!r} {message.key!r}')
        deadline, places = time.monotonic() + timeout, {}
        queues = self._queues(topic, deadline)
        near = [q for q in queues if not self.routes.brokers.get(q[0], ('', True))[1]] or queues  # RTE-020
        self.turn += 1
        for at, message in enumerate(messages):
            place = queue_of_key(message.key, queues) if message.key else near[self.turn % len(near)]
            places.setdefault(place, []).append(at)
        stored = [None] * len(messages)
        for place, indices in places.items():
            while indices:
                size, part = 0, []
                while indices and len(part) < BATCH_RECORDS and (not part or size + len(messages[indices[0]].body) < BATCH_BYTES):
                    size += len(messages[indices[0]].body)
                    part.append(indices.pop(0))
                answer = self.send_batch(topic, *place, [messages[at] for at in part], deadline)
                for i, at in enumerate(part):
                    known = answer['base_offset'] != UNKNOWN_OFFSET
                    stored[at] = (*place, answer['base_offset'] + i if known else None, answer['duplicate'])
        return stored

    def send_batch(self, topic, broker, queue, messages, deadline):
        """One batch to one queue, through every loss of the connection, until the deadline (the table of SND-036)."""
        place, data, doubtful, waits, last = (topic, broker, queue), None, False, BackOff(), NotSent('no connection in time')
        while time.monotonic() < deadline:
            try:
                connection, producer, epoch = self._link(broker, deadline)
                if data is None:  # fixed now: from here on the bytes never change (SND-028)
                    base = self.sequences.setdefault(place, 0)
                    data = encode_batch(messages, producer, epoch, base, self.compress)
                answer, _ = connection.request(SEND, {'topic': topic, 'queue': queue}, data,
                                               timeout=min(ATTEMPT_S, max(deadline - time.monotonic(), 0.01)))
                self.sequences[place] = (base + len(messages)) % 2**32
                return answer
            except Unknown as problem:
                doubtful, last = doubtful or data is not None, problem
                self._drop(broker)  # the next connection takes the id over, the same bytes follow (SND-030)
            except (NotSent, OSError, Broken) as problem:
                self._drop(broker)
                last = last if doubtful else problem
            except QanatError as problem:
                if problem.code in (WRONG_BROKER, NOT_MASTER, TOPIC_NOT_FOUND, QUEUE_NOT_FOUND):
                    self.routes.renew([topic])
                if problem.code == SEQUENCE_GAP:  # not stored: number it anew (SND-033)
                    self.sequences[place], data, doubtful = problem.expected_sequence, None, False
                    continue
                if problem.code in (UNKNOWN_PRODUCER, PRODUCER_FENCED, SEQUENCE_CONFLICT):  # the id is lost (SND-031, 032, 035)
                    self.ids.pop(broker, None)
                    self._drop(broker)
                    self.sequences = {p: s for p, s in self.sequences.items() if p[1] != broker}
                    if doubtful or problem.code == SEQUENCE_CONFLICT:
                        raise Unknown(str(problem)) from problem
                    if problem.code == PRODUCER_FENCED:
                        raise
                    data = None
                    continue
                if problem.kind == 6:
                    doubtful = True
                elif not doubtful and problem.kind not in (1, 2, 3, 5):
                    raise
                if problem.kind == 1:
                    self._drop(broker)
                last = last if doubtful and isinstance(last, Unknown) else problem
                time.sleep(min(problem.retry_after_ms / 1000, max(deadline - time.monotonic(), 0)))
            time.sleep(min(waits.next(), max(deadline - time.monotonic(), 0)))
        if not doubtful:
            raise last
        self.sequences[place] = (base + len(messages)) % 2**32  # as if it were stored; SEQUENCE_GAP tells if it was not
        raise Unknown(str(last))

    def _queues(self, topic, deadline):
        self.routes.watch(topic)
        asked = False
        while True:
            queues = self.routes.queues(topic)
            if queues:
                return queues
            if time.monotonic() > deadline:
                raise NotSent(f'no route for {topic}')
            if not asked and self.routes.codes.get(topic) == TOPIC_NOT_FOUND and self.routes.missing(topic):
                if not self.create_topics:
                    raise QanatError(TOPIC_NOT_FOUND, topic)
                asked = True
                self._create(topic, deadline)
                continue
            with self.routes.changed:
                self.routes.changed.wait(0.2)

    def _create(self, topic, deadline):
        """RTE-023; then waits until the route names all of them: a key belongs to the queues of the whole topic."""
        done = set()
        for broker in sorted(self.routes.creators):
            try:
                self._link(broker, deadline)[0].request(TOPIC_CREATE, {'topic': topic, 'on_demand': True})
                done.add(broker)
            except (QanatError, Unknown, NotSent, OSError, Broken):
                pass
        with self.routes.changed:
            self.routes.changed.wait_for(lambda: done and done <= set(self.routes.topics.get(topic, {})),
                                         max(deadline - time.monotonic(), 0))

    def _link(self, broker, deadline):
        connection = self.links.get(broker)
        if connection is None or connection.ended or connection.leaving:
            if broker not in self.routes.brokers:
                raise NotSent(f'no route to {broker}')
            connection = self._dial(broker, deadline)
            producer, epoch = self.ids.get(broker, (0, 0))
            try:
                answer, _ = connection.request(INIT_PRODUCER, {'producer_id': producer, 'epoch': epoch})
            except (QanatError, NotSent, Unknown) as problem:
                connection.close()
                raise NotSent(str(problem)) if isinstance(problem, Unknown) else problem
            self.ids[broker], self.links[broker] = (answer['producer_id'], answer['epoch']), connection
        return connection, *self.ids[broker]

    def _dial(self, broker, deadline):
        waits = self.waits.setdefault(broker, BackOff())
        if not waits.rest(deadline):
            raise NotSent(f'{broker} cannot be reached')
        try:
            connection = Connection(self.routes.brokers[broker][0], expect=broker, label=self.label)
        except (OSError, QanatError, Broken):
            waits.failed()  # CON-025
            raise
        waits.failures = 0  # CON-026: HELLO was answered
        return connection

    def _drop(self, broker):
        if broker in self.links:
            self.links.pop(broker).close()

    def close(self):
        for broker in list(self.links):
            self._drop(broker)
        self.routes.close()


def main():
    parser = argparse.ArgumentParser(description='send messages; without a text the lines of standard input, 200 at a time')
    parser.add_argument('topic')
    parser.add_argument('text', nargs='*')
    parser.add_argument('--nameserver', default='127.0.0.1:7600', help='host:port,host:port')
    parser.add_argument('--key', default='')
    parser.add_argument('--tag', default='')
    parser.add_argument('--property', action='append', default=[], metavar='NAME=VALUE')
    parser.add_argument('--compress', action='store_true')
    parser.add_argument('--create-topics', action='store_true', help='create the topic at every broker that allows it')
    args = parser.parse_intermixed_args()
    properties = dict(item.split('=', 1) for item in args.property)
    lines = args.text or (line.rstrip('\n') for line in sys.stdin)
    producer, failed, batch = Producer(args.nameserver.split(','), args.compress, args.create_topics), 0, []

    def flush():
        try:
            for (broker, queue, offset, duplicate), message in zip(producer.send(args.topic, batch), batch):
                print(f'{broker}/{queue}@{offset}{" duplicate" if duplicate else ""} {message.body.decode()}', flush=True)
        except Unknown as problem:
            print(f'unknown: {len(batch)} messages may be stored, once: {problem}', file=sys.stderr)
            return 1
        except (QanatError, NotSent, OSError, Broken, ValueError) as problem:
            print(f'not stored: {problem}', file=sys.stderr)
            return 1
        finally:
            batch.clear()
        return 0

    for line in lines:
        batch.append(Message(line.encode(), args.key, args.tag, properties))
        if len(batch) == 200:
            failed += flush()
    failed += flush() if batch else 0
    producer.close()
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
