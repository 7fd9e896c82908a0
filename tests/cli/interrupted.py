#!/usr/bin/env python3
"""Run a command that finds a Ctrl-C waiting for it: interrupted.py COMMAND...

The signal is sent while it is blocked, and stays pending across exec; so it arrives as soon
as the program listens, and the test needs no clock.
"""
import os
import signal
import sys

signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
os.kill(os.getpid(), signal.SIGINT)
os.execvp(sys.argv[1], sys.argv[1:])
