"""Reads a .pftrace with Perfetto's own classes and prints what it contains, as JSON."""
import collections
import json
import sys

from perfetto.protos.perfetto.trace import perfetto_trace_pb2 as schema

trace = schema.Trace()
trace.ParseFromString(open(sys.argv[1], "rb").read())
BEGIN, END, INSTANT, COUNTER = 1, 2, 3, 4

switches, names, counters, forks = [], {}, set(), []
depth = collections.Counter()
begins, ends, unordered = set(), set(), 0
tracks, last = {}, 0
values = collections.defaultdict(list)
for packet in trace.packet:
    if packet.HasField("track_descriptor"):
        tracks[packet.track_descriptor.uuid] = packet.track_descriptor
        if packet.track_descriptor.HasField("counter"):
            counters.add(packet.track_descriptor.name)
    for thread in packet.process_tree.threads:
        names[thread.tid] = thread.name
    for event in packet.ftrace_events.event:
        unordered += event.timestamp < last
        last = event.timestamp
        if event.HasField("sched_switch"):
            switches.append([event.timestamp, event.sched_switch.prev_pid, event.sched_switch.next_pid])
        if event.HasField("task_newtask"):
            forks.append([event.pid, event.task_newtask.pid])
    event = packet.track_event
    if packet.HasField("track_event"):
        assert event.track_uuid in tracks, event
        if event.type == BEGIN:
            depth[event.track_uuid] += 1
        if event.type == END:
            depth[event.track_uuid] -= 1
            assert depth[event.track_uuid] >= 0, event
        if event.type == COUNTER:
            values[tracks[event.track_uuid].name].append(event.counter_value)
        begins.update(event.flow_ids)
        ends.update(event.terminating_flow_ids)
print(json.dumps({
    "switches": switches,
    "names": names,
    "counters": sorted(counters),
    "values": values,
    "forks": forks,
    "open": sum(depth.values()),
    "arrows": len(begins & ends),
    "loose": len(ends - begins),
    "unordered": unordered,
}))
