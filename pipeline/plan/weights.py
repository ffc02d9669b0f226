"""What is known of pretrained files."""


def file_of(params: dict, name: str) -> str:
    """Where a pretrained file lies once it is fetched."""
    return f"data/weights/{params['weights'][name]['file']}"


def spec(params: dict, name: str) -> dict:
    """What a job that opens a pretrained file must know of it; whence it comes is no part of a result."""
    block = params["weights"][name]
    return {key: block[key] for key in ("file", "sha256_prefix", "inside", "strip") if key in block}


def entry(params: dict, name: str) -> dict:
    """Everything that is known of a pretrained file."""
    return params["weights"][name]
