"""Looks command lines up in awscli's own tables of commands and arguments.

Input and output as for az.py.
"""

import json
import sys

from awscli.clidriver import create_clidriver


def judge(driver, arguments):
    lookup = arguments[-1:] == ["..."]
    words = [a for a in arguments if a != "..."]
    service = driver._get_command_table().get(words[0]) if words else None
    if service is None:
        return "no such service"
    if len(words) < 2 or words[1].startswith("-"):
        return ""
    operation = service._get_command_table().get(words[1])
    if operation is None:
        return "no such command"
    if lookup:
        return ""
    known = {"--" + name for name in operation.arg_table} | {"--" + name for name in driver._get_argument_table()}
    given = [a.split("=", 1)[0] for a in words[2:] if a.startswith("--")]
    unknown = [a for a in given if a not in known]
    missing = [
        name
        for name, argument in operation.arg_table.items()
        if getattr(argument, "required", False) and "--" + name not in given
    ]
    if unknown:
        return "no such option: " + ", ".join(unknown)
    return "missing: " + ", ".join(missing) if missing else ""


driver = create_clidriver()
json.dump([judge(driver, arguments) for arguments in json.load(sys.stdin)], sys.stdout)
