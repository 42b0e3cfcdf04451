"""A move under way: the bundle of what each of its next steps is told from."""

from dataclasses import dataclass, replace
from datetime import datetime

from services.act.core.ledger import Entry
from services.act.core.live import Live
from services.act.core.moving.lending import returned
from services.act.core.moving.marks import Mark
from services.act.core.moving.pinning import settle
from services.act.core.moving.stateful import Exchange, exchange_of
from services.act.core.moving.workloads import is_serving, own_pods
from services.act.core.objects import Object, is_going
from services.act.core.steps import Context, Next, Progress, Step, ended, goes_back
from shared.messages.outcome import Status
from shared.model.application import WorkloadKind
from shared.model.names import ClusterName
from shared.model.plan import Move


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One move whose mark stands on its workload."""

    move: Move
    entry: Entry
    live: Live
    context: Context
    workload: Object
    mark: Mark

    @property
    def now(self) -> datetime:
        """The instant it is judged at."""
        return self.context.now

    @property
    def is_set(self) -> bool:
        """Tell whether it moves a StatefulSet."""
        return self.move.workload.kind is WorkloadKind.STATEFUL_SET

    @property
    def exchange(self) -> Exchange:
        """How far the pods of a StatefulSet are exchanged."""
        return exchange_of(self.move, self.live, self.workload, self.mark)

    @property
    def pods(self) -> tuple[Object, ...]:
        """The workload's pods, the ones that go too."""
        return own_pods(self.workload, self.live.pods)

    @property
    def within_reach(self) -> tuple[Object, ...]:
        """Its pods but for those that end on a lost cluster: they go when it answers again."""
        return tuple(pod for pod in self.pods if not self.is_beyond_reach(pod))

    @property
    def serving_there(self) -> tuple[Object, ...]:
        """The pods that serve where they are to stand."""
        there = (pod for pod in self.pods if self.is_there(pod))
        return tuple(pod for pod in there if is_serving(pod))

    def is_there(self, pod: Object) -> bool:
        """Tell whether a pod stands where the move leads."""
        here = self.live.cluster_of(pod) == self.move.target
        return here and self.live.is_in_pool(pod, self.move.pool)

    def is_beyond_reach(self, pod: Object) -> bool:
        """Tell whether a pod ends on a lost cluster."""
        return is_going(pod) and self.is_on_lost(pod)

    def is_on_lost(self, pod: Object) -> bool:
        """Tell whether a pod stands on a lost cluster."""
        cluster = self.live.cluster_of(pod)
        return cluster is not None and bool(self.live.why_lost(cluster))

    def is_overdue(self, since: datetime | None, *, times: float = 1) -> bool:
        """Tell whether something takes longer than a move may. Time in a pause does not count."""
        if since is None:
            return False
        return self.now > self.mark.clock(since) + times * self.context.move_timeout

    def lost(self, cluster: ClusterName) -> str:
        """Say why a cluster counts as lost, or nothing."""
        return self.live.why_lost(cluster)

    def retreat(self, reason: str) -> Next:
        """Go back, unless the cluster it came from is lost: then stay pinned to the other."""
        if lost := self.lost(self.move.source):
            stays = f"{reason}, and there is no way back: {lost}"
            return ended(self.entry, Status.FAILED, self.now, stays)
        return goes_back(self.entry, self.now, reason)

    def guarded(self, step: Step) -> Step:
        """Have the move go back where the API denies a step on its way there."""
        if self.entry.back_at is not None:
            return step
        back = goes_back(self.entry, self.now, f"it was not let {step.write.purpose}")
        return replace(step, otherwise=back)

    def end(self, status: Status, reason: str) -> Next:
        """End the move; what was set for it alone is given back before."""
        progress: Progress = ended(self.entry, status, self.now, reason)
        if self.mark.lent and (write := returned(self.move, self.workload)):
            return Step(write=write, otherwise=progress)
        if self.mark.is_settled:
            return progress
        write = settle(self.move, self.workload, self.mark, home=self.live.home)
        return Step(write=write, otherwise=progress)
