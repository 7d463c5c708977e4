// A run that grows: what the server tells of it while it trains is added to what is known.

const LONG = 5; // epochs from which the running mean is shown at their ends alone

// What training has appended since
export function grow(run, news) {
  run.size = news.size;
  if (news.epochs) run.epochs = news.epochs;
  if (news.best_epoch) Object.assign(run, { best_epoch: news.best_epoch, scores: news.scores });
  if (news.images_per_second) run.images_per_second = news.images_per_second;
  for (const [key, points] of Object.entries(news.points)) {
    const [part, measure] = key.split("/");
    if (!(measure in run.curves)) continue;
    let curve = run.curves[measure].find((each) => each.part === part);
    if (!curve) run.curves[measure].push((curve = { part, points: [] }));
    for (const point of points) {
      if (curve.points.at(-1)?.[0] === point[0]) curve.points.pop(); // two events of one step say the same
      curve.points.push(point);
    }
    if (part === "running" && run.epochs >= LONG) curve.points = curve.points.filter(([x]) => Number.isInteger(x));
  }
}
