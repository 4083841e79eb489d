"""Checks a file against a JSON schema: `validate.py SCHEMA FILE`, a document or one on each line."""
import json
import pathlib
import sys

import jsonschema

schema, file = map(pathlib.Path, sys.argv[1:3])
validator = jsonschema.Draft202012Validator(json.loads(schema.read_text()))
validator.check_schema(validator.schema)
text = file.read_text()
documents = map(json.loads, text.splitlines()) if file.suffix == ".jsonl" else [json.loads(text)]
count = 0
for document in documents:
    validator.validate(document)
    count += 1
print(count)
