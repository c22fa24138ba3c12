"""A few rules by which the Hub validates the metadata of models and Spaces, written from its documentation."""

import re
from collections.abc import Callable
from typing import Any

import yaml
from huggingface_hub import SpaceHardware


ID = re.compile(r"[\w.-]+(/[\w.-]+)?")
LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]+)*|multilingual|code")
# The Hub's list is longer.
LICENSES = {
    "apache-2.0",
    "mit",
    "bsd-3-clause",
    "cc-by-4.0",
    "cc-by-nc-4.0",
    "openrail",
    "other",
    "unknown",
}
SDKS = {"gradio", "docker", "static"}
TASKS = {"video-text-to-text", "image-text-to-text", "text-generation", "any-to-any"}


def faults_of_card(content: str) -> list[dict[str, str]]:
    """What is wrong with the metadata of a card."""
    return _faults(content, _rules_for_models)


def faults_of_space(content: str) -> list[dict[str, str]]:
    """What is wrong with the metadata of a Space, which must have some."""
    return _faults(content, _rules_for_spaces)


def metadata_of_card(content: str) -> dict[str, Any]:
    """
    The metadata at the beginning of a card.

    Raises:
        ValueError: If they are not an object in YAML.
    """
    head = re.match(r"---\r?\n(.*?)\r?\n---(\r?\n|$)", content, re.DOTALL)
    if head is None:
        return {}
    try:
        data = yaml.safe_load(head[1])
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error
    if not isinstance(data, dict):
        raise ValueError("metadata must be an object")
    return data


def _faults(content: str, rules_for: Callable[[dict[str, Any]], dict[str, bool]]) -> list[dict[str, str]]:
    try:
        data = metadata_of_card(content)
    except ValueError as error:
        return [{"message": str(error)}]
    return [{"message": f'"{name}" is not valid'} for name, holds in rules_for(data).items() if not holds]


def _rules_for_models(data: dict[str, Any]) -> dict[str, bool]:
    return {
        "license": data.get("license", "unknown") in LICENSES,
        "license_name": data.get("license") != "other" or isinstance(data.get("license_name"), str | None),
        "pipeline_tag": data.get("pipeline_tag", "text-generation") in TASKS,
        "library_name": isinstance(data.get("library_name", ""), str),
        "tags": isinstance(data.get("tags", []), list) and all(isinstance(tag, str) for tag in data.get("tags", [])),
        "language": all(LANGUAGE.fullmatch(each) for each in _listed(data.get("language"))),
        "base_model": all(ID.fullmatch(each) for each in _listed(data.get("base_model"))),
        "datasets": all(ID.fullmatch(each) for each in _listed(data.get("datasets"))),
        "model-index": _is_model_index(data.get("model-index", [])),
    }


def _rules_for_spaces(data: dict[str, Any]) -> dict[str, bool]:
    return {
        "sdk": data.get("sdk") in SDKS,
        "sdk_version": re.fullmatch(r"\d+\.\d+\.\d+", str(data.get("sdk_version"))) is not None,
        "app_file": isinstance(data.get("app_file"), str),
        "title": isinstance(data.get("title"), str),
        "license": data.get("license", "unknown") in LICENSES,
        "models": all(ID.fullmatch(each) for each in _listed(data.get("models"))),
        "short_description": len(data.get("short_description", "")) <= 60,
        "suggested_hardware": data.get("suggested_hardware", "cpu-basic") in {each.value for each in SpaceHardware},
    }


def _listed(value: Any) -> list[str]:
    return [] if value is None else value if isinstance(value, list) else [value]


def _is_model_index(models: Any) -> bool:
    """Each result names its task, its data set and its metrics with values."""
    return isinstance(models, list) and all(
        isinstance(model.get("name"), str)
        and all(
            {"task", "dataset", "metrics"} <= result.keys()
            and {"type", "name"} <= result["dataset"].keys()
            and all({"type", "value"} <= metric.keys() for metric in result["metrics"])
            for result in model["results"]
        )
        for model in models
    )
