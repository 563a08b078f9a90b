"""Recordings: what a browser or a proxy wrote down of a real client, read as transcripts of that client.

    bytes        ->  exchanges    HTTP requests and their responses, whatever wrote them down   (har, mitmproxy)
    exchanges    ->  messages     what each of them is to OAuth and MCP, and what is left out   (messages, survey)
    messages     ->  clients      whose they are, and to which resource they belong             (attribution, resources)
    a client     ->  transcript   the events, and a note on whatever could not be read          (transcribing)
    transcript   ->  transcript   the same with every secret replaced by a stable name          (redacting)

What was not recorded is unknown: no step fills a gap with the likeliest history.
"""
