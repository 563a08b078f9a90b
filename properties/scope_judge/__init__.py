"""What must hold on the wire: a judge of transcripts, which accepts every conforming client.

>>> from scope_judge import judge
>>> from scope_model import Header, Transcript
>>> from scope_model.events import AuthorizationRequest, ResourceRequest, ResourceResponse
>>> challenge = ResourceResponse("save", 401, ('Bearer scope="files:write"',))
>>> asked = AuthorizationRequest(scope="files:read")
>>> [finding.clause for finding in judge(Transcript(Header("2026-07-28"), (ResourceRequest("save"), challenge, asked)))]
['CHAL-1']
"""

from .findings import DEFAULT_READINGS, Finding
from .judge import Judge, judge

__all__ = ["DEFAULT_READINGS", "Finding", "Judge", "judge"]
