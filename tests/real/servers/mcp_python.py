"""An MCP server: the Python SDK's own, behind its bearer middleware.

Started as `python mcp_python.py OPTIONS`. Its options are those of mcp_typescript.mjs, and so is what it says; here the
metadata lists what is required, whatever `lists` says, and a tool needs nothing besides.
"""

import asyncio
import json
import os
import socket
import sys
import threading
from urllib.request import urlopen

import jwt
import uvicorn
from mcp.server import MCPServer
from mcp.server.auth.provider import AccessToken
from mcp.server.auth.settings import AuthSettings


class Verifier:
    """Takes the JSON Web Tokens of one issuer that are meant for one resource."""

    def __init__(self, issuer: str, resource: str) -> None:
        with urlopen(f"{issuer}/.well-known/oauth-authorization-server") as response:  # noqa: S310 - ours, on loopback
            self._keys = jwt.PyJWKClient(json.load(response)["jwks_uri"])
        self._issuer, self._resource = issuer, resource

    async def verify_token(self, token: str) -> AccessToken | None:
        try:
            key = await asyncio.to_thread(self._keys.get_signing_key_from_jwt, token)
            claims = jwt.decode(token, key, ["RS256"], audience=self._resource, issuer=self._issuer)
        except jwt.PyJWTError:
            return None
        return AccessToken(
            token=token,
            client_id=claims["client_id"],
            scopes=claims.get("scope", "").split(),
            expires_at=claims["exp"],
            resource=self._resource,
        )


def end_with_the_parent() -> None:
    """End when standard input does."""
    sys.stdin.read()
    os._exit(0)


def main() -> None:
    """Serve until standard input ends."""
    threading.Thread(target=end_with_the_parent, daemon=True).start()
    options = json.loads(sys.argv[1])
    listening = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listening.getsockname()[1]}/mcp"
    auth = AuthSettings.model_validate(
        {
            "issuer_url": options["issuer"],
            "resource_server_url": url,
            "required_scopes": options["requires"],
            "validate_token_resource": True,
        }
    )
    server = MCPServer("real", token_verifier=Verifier(options["issuer"], url), auth=auth)
    for name in options["tools"]:
        server.add_tool(lambda: None, name=name)
    app = server.streamable_http_app(stateless_http=True, json_response=True)
    print(json.dumps({"url": url}), flush=True)
    uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listening])


if __name__ == "__main__":
    main()
