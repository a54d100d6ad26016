"""Validates TOML files with a JSON Schema, and the schema itself: schema.py SCHEMA FILE…

Prints a line of JSON for each file: its faults, as pairs of a path and a message.
"""

import json
import sys
import tomllib

from jsonschema import Draft7Validator

schema, *files = sys.argv[1:]
with open(schema, encoding="utf-8") as text:
    schema = json.load(text)
Draft7Validator.check_schema(schema)
validator = Draft7Validator(schema)
for file in files:
    with open(file, "rb") as text:
        document = tomllib.load(text)
    faults = sorted(validator.iter_errors(document), key=lambda fault: fault.json_path)
    print(json.dumps([[fault.json_path, fault.message] for fault in faults]))
