"""A proxy in front of a server: passes every byte on unchanged, and judges each exchange beside the traffic.

`forwarding` passes on, `capture` keeps a bounded copy, `judge_process` hands it to another process, in which
`judging` makes the report, the cassettes and the archive. `serving` starts and stops all of it.
"""
