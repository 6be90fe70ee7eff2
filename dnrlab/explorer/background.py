"""One job at a time beside the notebook. A new job cancels the one before it, so jobs never pile up."""

import atexit
import threading
from collections.abc import Callable, Iterator

Job = Callable[[], Iterator[None]]  # yields between steps; there it can be cancelled

LONGEST_STEP = 60.0  # seconds between two yields of a job


class Background:
    """A thread that works on the newest job, and on long work in between.

    A job is a generator function. It is left at its next ``yield`` when another is started; what it would do after that
    ``yield`` never happens. Long work (``fill``) goes on from ``yield`` to ``yield`` whenever there is no job. Errors
    go to ``on_error``, and the thread goes on.

    Args:
        on_error: called in the thread with the error of a job.
    """

    def __init__(self, on_error: Callable[[Exception], None]) -> None:
        self.on_error = on_error
        self.changed = threading.Condition()
        self.waiting: Job | None = None
        self.filling: Iterator[None] | None = None
        self.running = self.closed = False
        self.thread: threading.Thread | None = None

    def start(self, job: Job) -> None:
        """Run ``job`` as soon as the running one reaches a ``yield``; a job that has not begun is dropped."""
        with self.changed:
            self.waiting = job
            self.wake()

    def fill(self, job: Job) -> None:
        """Work on ``job`` whenever there is nothing else to do. It takes the place of earlier long work."""
        with self.changed:
            self.filling = job()
            self.wake()

    def wake(self) -> None:
        """Start the thread, or let it look for work. The caller holds ``changed``."""
        if self.thread is None and not self.closed:
            self.thread = threading.Thread(target=self.work, name="dnrlab explorer", daemon=True)
            self.thread.start()
            atexit.register(self.close)  # torch aborts if Python ends while a thread computes
        self.changed.notify_all()

    def work(self) -> None:
        """Take jobs until ``close``."""
        while not self.closed:
            with self.changed:
                self.running = False
                self.changed.notify_all()
                self.changed.wait_for(lambda: self.waiting is not None or self.filling is not None or self.closed)
                job, self.waiting, filling = self.waiting, None, self.filling
                self.running = job is not None
            try:
                if job is not None:
                    self.take(job)
                elif filling is not None and next(filling, self) is self and self.filling is filling:
                    self.filling = None
            except Exception as error:
                if job is None and self.filling is filling:
                    self.filling = None
                self.on_error(error)

    def take(self, job: Job) -> None:
        """Go through a job, unless another one waits."""
        for _ in job():
            if self.waiting is not None or self.closed:
                return

    def wait(self, seconds: float | None = None, *, filling: bool = False) -> bool:
        """Wait until no job runs or waits, and with ``filling`` no long work. False if it takes longer."""

        def idle() -> bool:
            return self.waiting is None and not self.running and (self.filling is None or not filling)

        with self.changed:
            return self.changed.wait_for(idle, seconds)

    def close(self) -> None:
        """End the thread at the next ``yield`` of its work, and wait for it."""
        with self.changed:
            self.closed = True
            self.changed.notify_all()
        if self.thread is not None and self.thread is not threading.current_thread():
            self.thread.join(LONGEST_STEP)
        atexit.unregister(self.close)
