"""What `sacct --json` says of jobs and steps, as plain facts: the same for the layout of the
reference (v0.0.38) and that of today, where numbers may be unset and states are lists."""


def number(value):
    """A number, of either layout; None: not set."""
    if not isinstance(value, dict):
        return value
    if value.get("infinite"):
        return "infinite"
    return value["number"] if value["set"] else None


def first(value):
    return value[0] if isinstance(value, list) else value


def code(value):
    """(exit code, signal) of an exit code."""
    signal = value.get("signal") or {}
    told = signal.get("id", signal.get("signal_id", 0))
    return [number(value["return_code"]) or 0, number(told) or 0]


def tres(list_):
    """Counts by name; energy, which nothing measures, is there or not."""
    kinds = {"/".join(filter(None, (one["type"], one["name"]))): one["count"] for one in list_}
    return sorted([kind, int(count or 0)] for kind, count in kinds.items() if kind != "energy")


def job_facts(job):
    het = number(job["het"]["job_offset"])
    return {
        "name": job["name"],
        "account": job["account"],
        "cluster": job["cluster"],
        "group": job["group"],
        "user": job["association"]["user"],
        "partition": job["partition"],
        "qos": job["qos"],
        "nodes": job["nodes"],
        "allocation_nodes": job["allocation_nodes"],
        "constraints": job["constraints"],
        "working_directory": job["working_directory"],
        "state": first(job["state"]["current"]),
        "kill_request_user": job["kill_request_user"] or "",
        "exit_code": code(job["exit_code"]),
        "derived_exit_code": code(job["derived_exit_code"]),
        "comment": job["comment"]["job"] or "",
        "CPUs": job["required"]["CPUs"],
        "allocated": tres(job["tres"]["allocated"]),
        "requested": tres(job["tres"]["requested"]),
        "array_task": number(job["array"]["task_id"]) or 0,
        "component": het or 0,
        "is_component": bool(job["het"]["job_id"]),
        "limit": number(job["time"]["limit"]),
        "suspended": bool(job["time"]["suspended"]),
        "started": bool(job["time"]["start"]),
        "ended": bool(job["time"]["end"]),
    }


def step_number(step):
    told = step["step"]["id"]
    if isinstance(told, dict):
        told = told["step_id"]
    return str(told).rsplit(".", maxsplit=1)[-1]


def step_facts(step):
    return {
        "name": step["step"]["name"],
        "state": first(step["state"]),
        "exit_code": code(step["exit_code"]),
        "nodes": step["nodes"]["range"],
        "node_count": step["nodes"]["count"],
        "tasks": step["tasks"]["count"],
        "distribution": step["task"]["distribution"],
        "allocated": tres(step["tres"]["allocated"]),
    }
