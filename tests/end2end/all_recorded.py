"""Holds what investigators were told against the ledgers.

usage: all_recorded.py FOLDER OUTPUT...   FOLDER has entries.NAME of each gateway and agency, as comity audit show --json
prints them; OUTPUT is of comity lookup --format json. Says what is missing, and fails.
"""
import json
import sys


def entries(folder, name, kind):
    """Digests of the queries that entries of that kind let through."""
    with open(f'{folder}/entries.{name}', encoding='utf-8') as file:
        records = [json.loads(line) for line in file]
    return {record['entry']['query'] for record in records
            if record['kind'] == kind and record['entry'].get('permitted', True)}


def manifests(paths):
    for path in paths:
        with open(path, encoding='utf-8') as file:
            for line in file:
                # A line that its writer could not end is no answer.
                if '"manifest":' in line and line.endswith('}\n'):
                    yield json.loads(line)['manifest']


def main():
    folder, *outputs = sys.argv[1:]
    known = {}
    missing = 0

    def recorded(name, kind, digest):
        if (name, kind) not in known:
            known[name, kind] = entries(folder, name, kind)
        return digest in known[name, kind]

    for manifest in manifests(outputs):
        digest = manifest['query_digest']
        holders = [(manifest['gateway'], 'query')]
        holders += [(account['agency'], 'node') for account in manifest['agencies']
                    if account['outcome'] == 'answered']
        for name, kind in holders:
            if not recorded(name, kind, digest):
                print(f'{digest} is not in the ledger of {name}', file=sys.stderr)
                missing += 1
    sys.exit(1 if missing else 0)


main()
