"""Listening in on what processes say to each other."""

import socket
import threading


class Tap:
    """A proxy to `target` that keeps what passes, to have real datagrams to spoil."""

    def __init__(self, target):
        self.seen = []
        self.target = ("127.0.0.1", target)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self._relay, daemon=True).start()

    def _relay(self):
        client = None
        while True:
            data, sender = self.socket.recvfrom(2000)
            self.seen.append(data)
            if sender != self.target:
                client = sender
                self.socket.sendto(data, self.target)
            elif client is not None:
                self.socket.sendto(data, client)
