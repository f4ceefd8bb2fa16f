"""Says one verb to the runner, by the Python client: `say.py VERB ARGUMENT...`."""

from __future__ import annotations

import sys

from taskrunner import client

verb, *arguments = sys.argv[1:]
if verb == "get_envs_prefix":
    print(client.get_envs(prefix=arguments[0]))
else:
    print(getattr(client, verb.removesuffix("_glob"))(*arguments))
