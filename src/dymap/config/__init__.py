"""Configuration: everything that can be chosen, as frozen dataclasses, and their JSON form, which every run keeps."""

from dymap.config.choices import (
    FIXED_TIME_VIEWS,
    HOST,
    INTERRUPTED,
    LEVEL,
    PORT,
    VOXEL,
    Backdrop,
    EngineName,
    Layer,
    MeshFormat,
    RendererName,
    ViewerRenderer,
)
from dymap.config.field_options import ENCODER_SIZE, FieldConfig, HashConfig
from dymap.config.options import BakeConfig, CaptureConfig, Config, RenderConfig
from dymap.config.plain import flatten, from_json, replace_key, replace_keys, to_json
from dymap.config.training_options import TrainConfig

__all__ = [
    "ENCODER_SIZE",
    "FIXED_TIME_VIEWS",
    "HOST",
    "INTERRUPTED",
    "LEVEL",
    "PORT",
    "VOXEL",
    "Backdrop",
    "BakeConfig",
    "CaptureConfig",
    "Config",
    "EngineName",
    "FieldConfig",
    "HashConfig",
    "Layer",
    "MeshFormat",
    "RenderConfig",
    "RendererName",
    "TrainConfig",
    "ViewerRenderer",
    "flatten",
    "from_json",
    "replace_key",
    "replace_keys",
    "to_json",
]
