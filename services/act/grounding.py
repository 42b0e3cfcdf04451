"""What actions on whole clusters are told before they look: Sites, plans, templates rendered."""

from dataclasses import dataclass

from services.act.board import Board
from services.act.core.cluster_api.templates import render
from services.act.core.objects import Object
from services.act.core.permitting.needs import Land, why_forbidden
from services.act.core.seen import Grounds
from services.act.core.site import template_of
from services.act.ports import Templates
from shared.errors import PermanentError
from shared.model.names import ClusterName
from shared.model.plan import Action, CreateCluster, FleetAction


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """Gathers what is declared; it asks no API server."""

    templates: Templates
    namespace: str
    """Where Act runs."""

    def land(self, board: Board) -> Land:
        """Return where Act works, which tells what it has to be granted."""
        return Land(home=board.home, namespace=self.namespace, sites=board.sites)

    def permit(self, action: Action, board: Board) -> None:
        """PermanentError: Act was not granted something that the action needs."""
        if lacks := why_forbidden(action, self.land(board), board.lacking):
            raise PermanentError(lacks)

    def of(self, action: FleetAction, board: Board) -> Grounds:
        """Return what is declared that the action goes by."""
        manifests, unrendered = self._manifests(action, board)
        return Grounds(
            home=board.home,
            namespace=self.namespace,
            sites=dict(board.sites),
            applications=dict(board.applications),
            manifests=manifests,
            unrendered=unrendered,
        )

    def _manifests(self, action: FleetAction, board: Board) -> tuple[tuple[Object, ...], str]:
        """Return the rendered template of a cluster to be made, or why there is none."""
        if not isinstance(action, CreateCluster):
            return (), ""
        try:
            site = board.sites.get(ClusterName(action.site), {})
            template = template_of(site)
            return render(self.templates.load(template.name), template), ""
        except PermanentError as error:
            return (), str(error)
