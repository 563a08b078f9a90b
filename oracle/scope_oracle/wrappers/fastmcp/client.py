"""An application on FastMCP's client, with the OAuth that it has by itself."""

import asyncio
import sys

from fastmcp import Client


async def main(url: str) -> None:
    """List the tools, and call one."""
    async with Client(url, auth="oauth") as client:
        await client.list_tools()
        await client.call_tool("test-tool")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
