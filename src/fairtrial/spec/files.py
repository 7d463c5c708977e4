"""The names of the files that a store holds."""

EVENTS, RECIPE, MADE, BEST = "events.jsonl", "recipe.json", "made.json", "best.safetensors"
LOCK, OWNER = "lock", "owner"  # who works on a run: no part of it
ORDER = "order"  # of a store: the names of its runs and studies as they were begun, a line each, the last one counts
STUDIES = "studies"  # the folder of their folders
PLAN, RESULT, SCORES = "plan.json", "study.json", "scores.csv"  # of a study: what was meant, what came out
PAGE, CHART = "report.html", "chart"  # its report, and its chart without the endings
