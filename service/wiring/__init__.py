"""The composition root: the only place that knows which adapter stands behind which port."""

from service.wiring.application import Application, build_application, open_application
from service.wiring.serving import RunningService, running_service, running_worker

__all__ = ["Application", "RunningService", "build_application", "open_application", "running_service", "running_worker"]
