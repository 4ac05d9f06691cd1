"""Reads command lines with azure-cli's own table of commands and its own parser.

Standard input: a JSON list of lists of arguments, without `az`; one that ends with "..." is only
looked up, as it would be completed. Standard output: a JSON list with what is wrong with each, or "".
No command is run.
"""

import contextlib
import io
import itertools
import json
import os
import sys
import tempfile

os.environ.setdefault("AZURE_CONFIG_DIR", tempfile.mkdtemp())
os.environ["AZURE_CORE_COLLECT_TELEMETRY"] = "false"

from azure.cli.core import get_default_cli  # noqa: E402
from azure.cli.core.commands.arm import (  # noqa: E402
    register_global_subscription_argument,
    register_ids_argument,
)
from azure.cli.core.commands.events import (  # noqa: E402
    EVENT_INVOKER_POST_LOAD_ARGUMENTS,
    EVENT_INVOKER_PRE_LOAD_ARGUMENTS,
)
from knack.events import EVENT_INVOKER_POST_CMD_TBL_CREATE  # noqa: E402


def command_of(table, arguments):
    words = []
    for word in arguments:
        if word.startswith("-"):
            break
        words.append(word)
    for length in range(len(words), 0, -1):
        name = " ".join(words[:length])
        if name in table:
            return name
    return None


def options_of(parser, name):
    *groups, last = name.split()
    return set(parser.subparsers[tuple(groups)].choices[last]._option_string_actions)


def main():
    # The output of another command may be a number.
    asked = [[a.replace("$()", "1") for a in arguments] for arguments in json.load(sys.stdin)]
    cli = get_default_cli()
    invoker = cli.invocation_cls(
        cli_ctx=cli,
        parser_cls=cli.parser_cls,
        commands_loader_cls=cli.commands_loader_cls,
        help_cls=cli.help_cls,
    )
    cli.invocation = invoker
    register_global_subscription_argument(cli)
    register_ids_argument(cli)
    loader = invoker.commands_loader
    loader.skip_applicability = True
    table = loader.load_command_table(None)
    names = [command_of(table, arguments) for arguments in asked]
    loader.command_table = {name: table[name] for name in set(names) if name}
    loader.cmd_to_loader_map = {
        name: loaders for name, loaders in loader.cmd_to_loader_map.items() if name in loader.command_table
    }
    loader.command_name = ""
    cli.raise_event(EVENT_INVOKER_PRE_LOAD_ARGUMENTS, commands_loader=loader)
    loader.load_arguments()
    cli.raise_event(EVENT_INVOKER_POST_LOAD_ARGUMENTS, commands_loader=loader)
    # Adds `--ids` and `--subscription` where a resource is named.
    cli.raise_event(EVENT_INVOKER_POST_CMD_TBL_CREATE, commands_loader=loader)
    invoker.parser.load_command_table(loader)

    answers = []
    for arguments, name in zip(asked, names):
        if name is None:
            answers.append("no such command")
            continue
        lookup = arguments[-1:] == ["..."]
        known = options_of(invoker.parser, name)
        given = [a.split("=", 1)[0] for a in arguments if a.startswith("-") and len(a) > 1]
        unknown = [a for a in given if a not in known]
        if unknown:
            answers.append("no such option: " + ", ".join(unknown))
        elif lookup:
            rest = list(itertools.takewhile(lambda a: a[0] not in "-.", arguments[len(name.split()) :]))
            answers.append("no such command: " + " ".join(rest) if rest else "")
        else:
            said = io.StringIO()
            try:
                with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
                    invoker.parser.parse_args(arguments)
                answers.append("")
            except SystemExit:
                answers.append(" ".join(said.getvalue().split())[:300] or "refused")
    json.dump(answers, sys.stdout)


main()
