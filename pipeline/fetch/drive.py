"""Google Drive: from the id of a public file to the address that its bytes come from.

The page between ("cannot scan for viruses", its form) is read by gdown, which follows Google's changes; the bytes then come
through `pipeline.fetch.transfer` like those of any server, so that resuming and its rules are the same everywhere. No cookies
are kept, and no browser's session is used.
"""

from typing import TYPE_CHECKING

from pipeline.fetch.transfer import WebPage

if TYPE_CHECKING:
    import requests

PAGE = "https://drive.google.com/uc"


def address(session: "requests.Session", identity: str, timeout: tuple[float, float]) -> str:
    """Where the bytes of the file are now; WebPage with Google's words when it does not give it (too often asked for, …)."""
    from gdown.download import get_url_from_gdrive_confirmation
    from gdown.exceptions import FileURLRetrievalError

    with session.get(PAGE, params={"id": identity, "export": "download"}, stream=True, timeout=timeout) as response:
        if "Content-Disposition" in response.headers or response.status_code != 200:
            return response.url
        text = response.raw.read(1 << 20, decode_content=True).decode("utf-8", "replace")
    try:
        return get_url_from_gdrive_confirmation(text)
    except FileURLRetrievalError as error:
        raise WebPage(f"Google Drive says: {' '.join(str(error).split())}") from error
