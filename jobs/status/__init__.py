"""What a driver at work says of itself, for others to read: `RUN/status/SESSION.json`, one for each driver.

`book` adds events up, `writer` writes the sum every few seconds, `reading` reads it back and judges whether
its driver still lives. The last state stays after the end, or a kill.
"""
