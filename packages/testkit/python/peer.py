"""A peer on pyzmq that does with its sockets what fedmsg 1.1.7 does: for tests of the wire, both ways.

    peer.py subscribe tcp://HOST:PORT      connects, prints one JSON line for each message it gets
    peer.py publish bind|connect ADDRESS   publishes the JSON texts it reads on stdin, one a line
    peer.py relay IN OUT                   listens on both, sends on what comes in as the Python relay does

Each prints a first line with the addresses it uses.
"""

import json
import sys
import time

import zmq

context = zmq.Context()


def say(*words):
    print(*words, flush=True)


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def subscribe(address):
    socket = context.socket(zmq.SUB)
    socket.setsockopt(zmq.SUBSCRIBE, b"")
    socket.connect(address)
    say(address)
    while True:
        frames = socket.recv_multipart()
        body = frames[1].decode("utf-8")
        same = canonical(json.loads(body)) == body
        say(json.dumps({"frames": len(frames), "topic": frames[0].decode("utf-8"), "body": body, "canonical": same}))


def publish(how, address):
    socket = context.socket(zmq.PUB)
    socket.setsockopt(zmq.LINGER, 1000)
    getattr(socket, how)(address)
    say(socket.getsockopt_string(zmq.LAST_ENDPOINT))
    for line in sys.stdin:
        message = json.loads(line)
        time.sleep(0.5 if message.pop("post_init_sleep", False) else 0)
        socket.send_multipart([message["topic"].encode("utf-8"), canonical(message).encode("utf-8")], flags=zmq.NOBLOCK)


def relay(inbound, outbound):
    incoming = context.socket(zmq.SUB)
    incoming.setsockopt(zmq.SUBSCRIBE, b"")
    incoming.bind(inbound)
    outgoing = context.socket(zmq.PUB)
    outgoing.bind(outbound)
    say(*(socket.getsockopt_string(zmq.LAST_ENDPOINT) for socket in (incoming, outgoing)))
    while True:
        topic, body = incoming.recv_multipart()
        outgoing.send_multipart([topic, json.dumps(json.loads(body)).encode("utf-8")], flags=zmq.NOBLOCK)


if __name__ == "__main__":
    {"subscribe": subscribe, "publish": publish, "relay": relay}[sys.argv[1]](*sys.argv[2:])
