"""moto's server, which answers as Cost Explorer; with EMBEDDED_MODELS=1, it refuses what AWS's model refuses."""

import io
import os

from moto import server


class JudgedServer(server.DomainDispatcherApplication):
    def __call__(self, environ, start_response):
        target = environ.get("HTTP_X_AMZ_TARGET", "")
        if not target.startswith("AWSInsightsIndexService."):
            return super().__call__(environ, start_response)
        import call_models

        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        headers = {"x-amz-target": target, "content-type": environ.get("CONTENT_TYPE", "")}
        found = call_models.judge("ce", "POST", "/", headers, body, {})
        if not found:
            return super().__call__(environ, start_response)
        status, headers, body = call_models.refusal("ce", found)
        start_response(f"{status} Bad Request", list(headers.items()))
        return [body]


if os.environ.get("EMBEDDED_MODELS") == "1":
    server.DomainDispatcherApplication = JudgedServer
server.main()
