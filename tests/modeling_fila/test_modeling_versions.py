"""With a transformers that was not tested, there is one readable error."""

import configparser
import importlib
import re
import sys

import pytest
import transformers

from modeling_fila import modeling_versions
from tests.environment import REPOSITORY


@pytest.mark.parametrize("installed", ["5.17.0", "5.24.1", "5.30.0.dev0", transformers.__version__])
def test_versions_that_are_taken(installed, monkeypatch):
    monkeypatch.setattr(modeling_versions, "version", lambda name: installed)
    modeling_versions.check_versions()


@pytest.mark.parametrize("installed", ["4.51.3", "5.16.2", "6.0.0"])
def test_versions_that_are_refused(installed, monkeypatch):
    monkeypatch.setattr(modeling_versions, "version", lambda name: installed)
    with pytest.raises(ImportError, match=f"this is {re.escape(installed)}: pip install 'transformers>=5.17,<6'"):
        modeling_versions.check_versions()


def test_transformers_4_lacks_names_and_the_error_is_the_same(monkeypatch):
    monkeypatch.setattr(modeling_versions, "version", lambda name: "4.51.3")
    monkeypatch.delattr(transformers, "PreTrainedConfig")
    monkeypatch.delitem(sys.modules, "modeling_fila.configuration_fila")
    with pytest.raises(ImportError, match="this is 4.51.3"):
        importlib.import_module("modeling_fila.configuration_fila")


def test_the_versions_are_those_of_setup_cfg_and_the_readme():
    declared = configparser.ConfigParser()
    declared.read(REPOSITORY / "setup.cfg", encoding="utf-8")
    oldest = ".".join(map(str, modeling_versions.OLDEST))
    assert f"transformers>={oldest},<{modeling_versions.NEXT_MAJOR}" in declared["options"]["install_requires"]
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    assert f"Transformers {modeling_versions.TESTED} and PyAV" in readme
