"""Lets the conformance kit try this client: lines of JSON on standard input and output (docs/conformance-drivers.md).

npx qanat-conformance run producer --cmd 'python3 examples/clients/python/driver.py'
"""
import json
import os
import queue
import sys
import threading

from consumer import Consumer
from producer import Producer
from qanat import Broken, Message, NotSent, QanatError, Unknown

HELLO = {'protocol': 1, 'name': 'qanat-python', 'version': '0.1.0', 'language': 'Python', 'roles': ['producer', 'consumer'],
         'abilities': ['batch', 'policy']}
clients, lock = {}, threading.Lock()


def say(**message):
    with lock:
        print(json.dumps(message), flush=True)


class ProducerClient:
    """A producer sends one call after the other: its calls wait in a queue of their own."""
    def __init__(self, name, args):
        compress = args.get('options', {}).get('compress', False)
        self.producer = Producer(args['nameServers'], compress, create_topics=True, label=args.get('label', name))
        self.calls = queue.Queue()
        threading.Thread(target=self._work, daemon=True).start()

    def _work(self):
        for id, args in iter(self.calls.get, None):
            answer(id, self._send, args)
        self.producer.close()

    def _send(self, args):
        messages = [message_of(each) for each in args.get('batch') or [args]]
        timeout = args.get('timeoutMs', 30_000) / 1000
        places = self.producer.send(args['topic'], messages, timeout)
        return [{'broker': broker, 'queue': number, 'offset': offset, 'duplicate': duplicate, 'count': 1}
                for broker, number, offset, duplicate in places]

    def close(self):
        self.calls.put(None)


class ConsumerClient:
    """A member of a group that tells what it is given; its policy says what handling a message comes to."""
    def __init__(self, name, args):
        topics = {each['topic']: each.get('filter', '') for each in args['subscriptions']}
        self.name, self.policy, self.go_on = name, args.get('policy', {}), threading.Event()
        self.consumer = Consumer(args['nameServers'], args.get('group', 'group'), topics, args.get('label', name),
                                 args.get('from', 'first').upper())
        self.thread = threading.Thread(target=self._work, daemon=True)
        self.thread.start()

    def _work(self):
        try:
            for message in self.consumer:
                place = {'topic': message.topic, 'broker': message.broker, 'queue': message.queue, 'offset': message.offset}
                texts = {name: text for name, text in (('key', message.key), ('tag', message.tag)) if text}
                say(event='delivered', client=self.name, **place, **texts, body=message.body.decode(errors='replace'), attempt=1,
                    properties=dict(message.properties))
                self.go_on.wait(self.policy.get('slow', 0) / 1000 if not self.policy.get('hang') else None)
                say(event='handled', client=self.name, **place, attempt=1)
            say(event='ended', client=self.name)
        except QanatError as problem:
            say(event='ended', client=self.name, code=str(problem.code), text=str(problem))

    def set_policy(self, policy):
        self.policy = policy
        self.go_on.set()
        self.go_on = threading.Event()

    def close(self):
        self.consumer.stop()
        self.go_on.set()
        self.thread.join(10)
        self.consumer.close()


CLIENTS = {'producer.start': ProducerClient, 'consumer.start': ConsumerClient}


def message_of(each):
    body = b'a' * each['size'] if 'size' in each else each.get('body', '').encode()
    return Message(body, each.get('key', ''), each.get('tag', ''), each.get('properties', {}))


def answer(id, work, args):
    try:
        say(id=id, ok=work(args) or {})
    except Unknown as problem:
        say(id=id, error={'kind': 'indefinite', 'code': 'TIMEOUT', 'text': str(problem)})
    except (QanatError, NotSent, Broken, OSError, ValueError) as problem:
        say(id=id, error={'kind': 'failed', 'code': str(getattr(problem, 'code', type(problem).__name__)), 'text': str(problem)})


def serve(id, op, args):
    name = args.get('client')
    if op == 'hello':
        return say(id=id, ok=HELLO)
    if op in CLIENTS:
        return answer(id, lambda _: clients.update({name: CLIENTS[op](name, args)}), args)
    if op in ('send', 'policy', 'close') and name not in clients:  # programs that the kit makes smaller may lack the start
        return say(id=id, error={'kind': 'invalid', 'text': f'there is no {name}'})
    if op == 'send':
        return clients[name].calls.put((id, args))
    if op == 'policy':
        clients[name].set_policy(args['policy'])
        return say(id=id, ok={})
    if op == 'close':
        closing = clients.pop(name)
        return threading.Thread(target=answer, args=(id, lambda _: closing.close(), args), daemon=True).start()
    return say(id=id, error={'kind': 'unsupported'})


def main():
    for line in sys.stdin:
        request = json.loads(line)
        serve(request.pop('id'), request.pop('op'), request)
    os._exit(0)  # threads that wait for brokers do not keep it


if __name__ == '__main__':
    main()
