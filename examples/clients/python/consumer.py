"""A member of a group: python3 consumer.py TOPIC --group g. The rules are those of the chapters 12, 13 and 14."""
import argparse
import collections
import concurrent.futures
import json
import math
import os
import random
import signal
import sys
import threading
import time

from qanat import (ASSIGNMENT, ATTEMPT_S, CLIENT_HEARTBEAT, LEASE_FENCED, LEAVE, OFFSET_COMMIT, OUT_OF_RANGE, PULL, RELEASE,
                   WAIT_MS, BackOff, Broken, Connection, NotSent, QanatError, Routes, Unknown, decode_batch, filter_tags, is_name)


class Lease:
    """One queue that this member holds: pulled up to position, handled and committed up to those offsets."""
    def __init__(self, told):
        self.epoch, self.position, self.handled, self.committed = told['epoch'], *[told['start_offset']] * 3
        self.state, self.busy = told['state'], False
        self.waiting = collections.deque()  # (offset behind it, Message or None)

    def settle(self):
        """What was passed over on purpose (filter, unreadable batch) needs no handler."""
        while self.waiting and not self.busy and self.waiting[0][1] is None:
            self.handled = max(self.handled, self.waiting.popleft()[0])


class Consumer:
    """for message in consumer: ...   A message is handled when the next one is asked for.

    stop() ends the loop, also from a signal handler or another thread; close() leaves the group. Whoever breaks out of the loop
    leaves the message in hand unhandled: another member gets it."""
    def __init__(self, nameservers, group, topics, label='', begin='LAST', on_event=lambda text: None):
        for name in (group, *topics):
            if not is_name(name):
                raise ValueError(f'no name: {name!r}')
        self.group, self.label, self.on_event, self.stopped, self.leaving = group, label, on_event, False, False
        self.left_at = math.inf  # when it began to leave
        self.topics, self.filters = {topic: filter_tags(text) for topic, text in topics.items()}, dict(sorted(topics.items()))
        self.subscription = {'topics': [{'topic': topic, 'filter': text} for topic, text in self.filters.items()],
                             'from': ('FIRST', 'LAST').index(begin)}
        self.member, self.started = os.urandom(12).hex(), time.monotonic()  # GRP-001
        self.state, self.current, self.problem = threading.Condition(), None, None
        self.shares, self.routes = {}, Routes(nameservers, label)
        for topic in topics:
            self.routes.watch(topic)
        threading.Thread(target=self._look, daemon=True).start()

    def _look(self):
        while not self.leaving:  # a share for every broker with a queue (GRP-002); no route takes one away (RTE-019)
            with self.routes.changed:
                for topic in self.topics:
                    for broker in self.routes.topics.get(topic, {}):
                        if broker not in self.shares and broker in self.routes.brokers:
                            self.shares[broker] = Share(self, broker)
                self.routes.changed.wait(1.0)

    def __iter__(self):
        return self

    def __next__(self):
        with self.state:
            if self.current:
                lease, message = self.current
                lease.handled, lease.busy, self.current = message.offset + 1, False, None
                lease.settle()
                self.state.notify_all()
            while not self.stopped:
                if self.problem:
                    raise self.problem
                shares = list(self.shares.values())
                for share in random.sample(shares, len(shares)):  # none starves
                    for lease in share.leases.values():
                        message = share.hand_out(lease)
                        if message is not None:
                            lease.busy, self.current = True, (lease, message)
                            return message
                self.state.wait(0.5)
            raise StopIteration

    def stop(self):
        self.stopped = True

    def close(self):
        """GRP-013: LEAVE to every broker, with the final offsets; what is in hand of an unfinished loop does not count."""
        self.stopped = True
        self._begin_to_leave()
        for share in list(self.shares.values()):
            share.thread.join(share.session + ATTEMPT_S)
        self.routes.close()

    def _begin_to_leave(self):
        with self.state:
            self.leaving, self.left_at = True, min(self.left_at, time.monotonic())
            self.state.notify_all()


class Share:
    """One broker of a consumer: its connection, its heartbeat, what it has leased to this member. One thread."""
    def __init__(self, consumer, broker):
        self.consumer, self.broker, self.state = consumer, broker, consumer.state
        self.leases = {}  # (topic, queue) -> Lease
        self.generation, self.term, self.idle, self.next_commit = 0, 0, None, 0.0
        self.heard, self.session, self.every = -math.inf, 10.0, 3.0  # heard: when the last heartbeat with an answer was sent
        self.left, self.owed = False, False  # whether LEAVE was answered, whether it is due at a broker that said GOAWAY
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    # -- the application's side, under the lock of the consumer --

    def hand_out(self, lease):
        lease.settle()
        if lease.state or not lease.waiting or time.monotonic() > self.heard + self.session:  # GRP-009, GRP-011
            return None
        return lease.waiting.popleft()[1]

    # -- the broker's side --

    def _run(self):
        waits = BackOff()
        while not self.consumer.leaving or self.owed and time.monotonic() < self.consumer.left_at + self.session:  # GRP-055
            connection, again = None, 0.0
            try:
                connection = Connection(self.consumer.routes.brokers[self.broker][0], self._push, self._notify, self.broker,
                                        self.consumer.label)
                waits.failures = 0
                self._serve(connection)
            except (OSError, QanatError, Unknown, NotSent, Broken) as problem:
                self.consumer.on_event(f'{self.broker}: {problem!r}')
                again = getattr(problem, 'retry_after_ms', 0) / 1000  # ERR-006
                self.consumer.routes.renew(self.consumer.topics)
                if getattr(problem, 'kind', 0) == 4:  # GRP-015, and whatever else no repetition cures
                    self.consumer.problem = problem
                    self.consumer._begin_to_leave()  # at every broker
                    self._leave(connection)
                    return
            finally:
                if connection:
                    connection.close()
                    self.owed = connection.leaving and not self.left
            if not self.consumer.leaving or self.owed:
                time.sleep(max(waits.next(), again))

    def _notify(self):
        with self.state:
            self.state.notify_all()

    def _serve(self, connection):
        beat, fresh, pull, asked, misses, committing = 0.0, True, None, {}, 0, None
        with self.state:
            if connection.hello['term'] != self.term:  # GRP-007: generations are compared within one term
                self.term, self.generation = connection.hello['term'], 0
        while not connection.ended and not connection.leaving:
            now = time.monotonic()
            if self.consumer.leaving:
                return self._leave(connection)
            if now >= beat:
                try:
                    again = self._beat(connection, fresh)
                    fresh, misses = again, 0
                    beat = now if again else now + self.every
                except Unknown:
                    misses += 1
                    if misses == 3:
                        raise
                continue
            releases = self._take_releases()
            if releases:
                self._tell(connection, RELEASE, releases, max(beat - now, 1.0))  # the heartbeat waits for nothing longer
                with self.state:
                    for place, _, epoch in releases:
                        self._drop(place, epoch)
                continue
            if committing and committing[0].done():
                self._committed(*committing)
                committing = None
            if committing and now > self.next_commit + ATTEMPT_S:
                raise Unknown('OFFSET_COMMIT without an answer')
            if not committing and now >= self.next_commit:  # OFS-015
                committing, self.next_commit = self._commit(connection), now + 1.0
            if pull is not None and pull.done():
                self._pulled(pull, asked)
                pull, asked = None, {}
            wanted = self._wanted()
            if wanted and set(wanted) - set(asked):  # something to ask for that the waiting PULL does not
                older, older_asked = pull, asked
                pull, asked, pull_deadline = self._pull(connection, wanted), wanted, now + WAIT_MS / 1000 + ATTEMPT_S
                pull.add_done_callback(lambda _: self._notify())
                if older is not None:  # PUL-005: it is answered at once; what it brings is good too
                    concurrent.futures.wait([older], ATTEMPT_S)
                    if not older.done():
                        raise Unknown('PULL without an answer')
                    self._pulled(older, older_asked)
                continue
            if pull is not None and now > pull_deadline:
                raise Unknown('PULL without an answer')  # PUL-036
            with self.state:
                if not any(one is not None and one.done() for one in (pull, committing and committing[0])) and not self._due():
                    soonest = self.next_commit if self._uncommitted() and not committing else beat
                    self.state.wait(max(min(beat, soonest) - time.monotonic(), 0.01))

    def _beat(self, connection, fresh):
        me, now = self.consumer, time.monotonic()
        header = {'group': me.group, 'member': me.member, 'label': me.label, 'generation': self.generation, 'revision': 1,
                  'joined_ago_ms': int((now - me.started) * 1000)}
        if fresh:
            header['subscription'] = me.subscription
        answer, _ = connection.request(CLIENT_HEARTBEAT, header)
        with self.state:
            self.heard, self.session, self.every = now, answer['session_ms'] / 1000, answer['heartbeat_ms'] / 1000
            if answer['assignment']:
                self._assign(answer['assignment'])
            self.state.notify_all()
        return answer['want_subscription']

    def _push(self, _, kind, header):
        if kind == ASSIGNMENT and header['group'] == self.consumer.group and header['member'] == self.consumer.member:
            with self.state:
                self._assign(header)
                self.state.notify_all()

    def _assign(self, assignment):
        if assignment['generation'] < self.generation:
            return  # GRP-007
        self.generation = assignment['generation']
        held = {(told['topic'], told['queue']): told for told in assignment['leases']}
        for place in list(self.leases):
            if place not in held or held[place]['epoch'] != self.leases[place].epoch:
                del self.leases[place]  # GRP-006, GRP-010: with all that was pulled
        for place, told in held.items():
            lease = self.leases.get(place)
            if lease is None:
                self.leases[place] = Lease(told)
            elif told['state']:
                lease.state = told['state']
                lease.waiting.clear()
        if assignment['idle'] != self.idle and assignment['idle']:
            self.consumer.on_event(f'{self.broker}: idle, {assignment["members"]} members, {assignment["queues"]} queues')
        self.idle = assignment['idle']
        self.consumer.on_event(f'{self.broker}: holds ' + (', '.join(
            f'{topic}/{queue}{" (releasing)" if told["state"] else ""}' for (topic, queue), told in held.items()) or 'nothing'))

    def _due(self):
        return self.consumer.leaving or any(lease.state and not lease.busy for lease in self.leases.values())

    def _take_releases(self):
        with self.state:
            return [(place, lease.handled, lease.epoch) for place, lease in self.leases.items() if lease.state and not lease.busy]

    def _uncommitted(self):
        return any(lease.handled > lease.committed for lease in self.leases.values())

    def _commit(self, connection):
        with self.state:
            for lease in self.leases.values():
                lease.settle()
            offsets = [(place, l.handled, l.epoch) for place, l in self.leases.items() if l.handled > l.committed]
        if not offsets:
            return None
        future = connection.start(OFFSET_COMMIT, self._header(offsets))
        future.add_done_callback(lambda _: self._notify())
        return future, offsets

    def _committed(self, future, offsets):
        failed = self._answered(OFFSET_COMMIT, offsets, future.result()[0])
        with self.state:
            for place, offset, epoch in offsets:
                if place in self.leases and self.leases[place].epoch == epoch and place not in failed:
                    self.leases[place].committed = max(offset, self.leases[place].committed)

    def _header(self, offsets):
        return {'group': self.consumer.group, 'member': self.consumer.member, 'offsets': [
            {'topic': place[0], 'queue': place[1], 'offset': offset, 'lease_epoch': epoch} for place, offset, epoch in offsets]}

    def _tell(self, connection, kind, offsets, timeout=ATTEMPT_S):
        """RELEASE or LEAVE."""
        self._answered(kind, offsets, connection.request(kind, self._header(offsets), timeout=min(timeout, ATTEMPT_S))[0])

    def _answered(self, kind, offsets, answer):
        """Which queues failed; one that is fenced is dropped."""
        with self.state:
            for failed in answer['results']:
                self.consumer.on_event(f'{self.broker}: {kind:#x} {failed}')
                if failed['code'] == LEASE_FENCED:
                    epochs = {place: epoch for place, _, epoch in offsets}
                    self._drop((failed['topic'], failed['queue']), epochs.get((failed['topic'], failed['queue'])))
        return {(failed['topic'], failed['queue']) for failed in answer['results']}

    def _drop(self, place, epoch):
        if place in self.leases and self.leases[place].epoch == epoch:
            del self.leases[place]

    def _leave(self, connection):
        if connection is None or connection.ended:
            return
        with self.state:
            offsets = [(place, lease.handled, lease.epoch) for place, lease in self.leases.items()]
        try:
            self._tell(connection, LEAVE, offsets)
            self.left = True
        except (QanatError, Unknown, NotSent) as problem:
            self.consumer.on_event(f'{self.broker}: leave: {problem!r}')

    def _wanted(self):
        with self.state:
            return {(place, lease.epoch): lease.position for place, lease in self.leases.items()
                    if not lease.state and len(lease.waiting) < 1000}  # PUL-034

    def _pull(self, connection, wanted):
        topics = {}
        for ((topic, queue), epoch), position in wanted.items():
            topics.setdefault(topic, []).append({'queue': queue, 'offset': position, 'lease_epoch': epoch})
        return connection.start(PULL, {
            'group': self.consumer.group, 'member': self.consumer.member, 'poll': 1, 'wait_ms': WAIT_MS, 'max_bytes': 1 << 20,
            'topics': [{'topic': topic, 'filter': self.consumer.filters[topic], 'queues': queues}
                       for topic, queues in topics.items()]})

    def _pulled(self, future, asked):
        answer, payload = future.result()
        if sum(result['bytes'] for result in answer['results']) != len(payload):
            raise Broken('the bytes of the results do not add up')  # PUL-031
        epochs, at = dict(asked.keys()), 0  # (place, epoch)
        for result in answer['results']:
            place, data, at = (result['topic'], result['queue']), payload[at:at + result['bytes']], at + result['bytes']
            if place not in epochs:
                raise Broken('a queue that was not asked for')
            with self.state:
                lease = self.leases.get(place)
                if lease is None or lease.epoch != epochs[place] or lease.state:
                    continue  # GRP-008
                code = result['code']
                if code == OUT_OF_RANGE:  # PUL-032
                    self.consumer.on_event(f'{self.broker}: {place} lost {lease.position} … {result["next_offset"]}')
                    lease.position = result['next_offset']
                    lease.waiting.append((lease.position, None))
                elif code == LEASE_FENCED:
                    self._drop(place, lease.epoch)
                elif code:
                    raise Broken(f'PULL {place}: {code}')  # UNKNOWN_MEMBER, …: begin again, with a whole heartbeat
                else:
                    self._take(place, lease, data)
                    lease.position = max(lease.position, result['next_offset'])
                    lease.waiting.append((lease.position, None))
                    lease.settle()
                self.state.notify_all()

    def _take(self, place, lease, data):
        tags = self.consumer.topics[place[0]]
        while data:
            length = int.from_bytes(data[4:8], 'big') + 8 if len(data) >= 64 else len(data)
            batch, data = data[:length], data[length:]
            try:
                base, count, messages = decode_batch(batch)
            except Broken as problem:  # BAT-013, BAT-014
                self.consumer.on_event(f'{self.broker}: {place} batch at {lease.position} cannot be read: {problem}')
                continue
            for message in messages:
                if message.offset >= lease.position and (tags is None or message.tag in tags):  # PUL-029, PUL-030
                    message = message._replace(topic=place[0], broker=self.broker, queue=place[1])
                    lease.waiting.append((message.offset + 1, message))
            lease.position = max(lease.position, base + count)


def main():
    parser = argparse.ArgumentParser(description='print the messages of topics as a member of a group, one JSON object a line')
    parser.add_argument('topics', nargs='+')
    parser.add_argument('--group', required=True)
    parser.add_argument('--nameserver', default='127.0.0.1:7600', help='host:port,host:port')
    parser.add_argument('--tag', default='', help='filter, for example "created || paid"')
    parser.add_argument('--from', dest='begin', choices=('first', 'last'), default='last', help='where the group has no offset')
    parser.add_argument('--count', type=int, default=0, help='stop after so many messages')
    parser.add_argument('--label', default='')
    args = parser.parse_args()
    consumer = Consumer(args.nameserver.split(','), args.group, {topic: args.tag for topic in args.topics}, args.label,
                        args.begin.upper(), on_event=lambda text: print(text, file=sys.stderr, flush=True))
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: consumer.stop())
    count = 0
    try:
        for message in consumer:
            shown = {**message._asdict(), 'body': message.body.decode(errors='replace')}
            print(json.dumps(shown, ensure_ascii=False), flush=True)
            count += 1
            if count == args.count:
                consumer.stop()  # not break: the loop ends when this message is handled
    except QanatError as problem:
        print(problem, file=sys.stderr)
        return 1
    finally:
        consumer.close()
    return 0


if __name__ == '__main__':
    sys.exit(main())
