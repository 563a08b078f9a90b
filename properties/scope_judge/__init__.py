"""What must hold on the wire: a judge of transcripts, which accepts every conforming client.

>>> from scope_judge import judge
>>> from scope_model import Header, Transcript
>>> from scope_model.events import AuthorizationRequest, ResourceRequest, ResourceResponse
>>> challenge = ResourceResponse("save", 401, ('Bearer scope="files:write"',))
>>> asked = AuthorizationRequest(scope="files:read")
>>> [finding.clause for finding in judge(Transcript(Header("2026-07-28"), (ResourceRequest("save"), challenge, asked)))]
['CHAL-1']

`judge` goes through a whole transcript, and a `Judge` hears one event after the other. Some findings rest on a reading,
a choice that the documents leave open; `DEFAULT_READINGS` has a value for each, and other values may be given.

>>> from scope_judge import DEFAULT_READINGS, Finding, Judge
>>> listening = Judge(Header("2026-07-28"), {**DEFAULT_READINGS, "A1": "granted"})
>>> for event in (ResourceRequest("save"), challenge, asked):
...     listening.hear(event)
>>> listening.close()
>>> match listening.found:
...     case [Finding(cause=cause, verdict=verdict, event=at)]:
...         cause, verdict, at
('left-out', 'violates', 2)
>>> listening.reached["CHAL-1"]
1
"""

from .findings import DEFAULT_READINGS, Finding
from .judge import Judge, judge

__all__ = ["DEFAULT_READINGS", "Finding", "Judge", "judge"]
