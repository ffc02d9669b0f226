"""Google Drive: find the download address of a public file from its id.

gdown reads the page in between ("cannot scan for viruses", its form) and follows Google's changes; the bytes then come
through `pipeline.fetch.transfer` like those of any server, so that downloads resume by the same rules. No cookies
are kept, and no browser's session is used.
"""

from typing import TYPE_CHECKING

from pipeline.fetch.transfer import WebPage

if TYPE_CHECKING:
    import requests

PAGE = "https://drive.google.com/uc"


def address(session: "requests.Session", identity: str, timeout: tuple[float, float]) -> str:
    """Address of the bytes of the file now; WebPage with Google's message when Google refuses it (quota, no access, …)."""
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
