"""The same client with two mistakes made on purpose, for trying the conformance kit: it has to find both.

npx qanat-conformance run producer --cmd 'python3 examples/clients/python/broken_driver.py'
"""
import consumer
import driver
import producer

# Modulo instead of rendezvous hashing: a key goes to another queue than other clients send it to (QNT-SND-024).
producer.queue_of_key = lambda key, queues: queues[len(key) % len(queues)]
# What a broker sends is handed out unfiltered, although a batch travels whole with one hit in it (QNT-PUL-030).


class Unfiltered(consumer.Consumer):
    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.topics = {topic: None for topic in self.topics}


driver.Consumer = Unfiltered

if __name__ == '__main__':
    driver.main()
