"""KPIs are folds over the journal, one in a file; ``KPI = Kpi(...)`` in a module here adds one.

Law: what a tile shows can be recomputed from the journal by anyone, from the definition that stands on it.
"""

from suture.kpis.kpi import Dropped, Known, Kpi, Measure, Origin

__all__ = ["Dropped", "Known", "Kpi", "Measure", "Origin"]
