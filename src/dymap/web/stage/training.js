// @ts-check
/** What a run that is being trained says of itself; its pictures renew with every state that comes. */

/**
 * The clip of such a run has `training: true`, and as far as they are known step, steps and loss; at the end `ended`, how.
 * @param {HTMLElement} place @param {import("./stage.js").Parts} parts
 */
export function showTraining(place, { engine, messages }) {
  let before = Boolean(engine.clip.training);
  const show = () => {
    const { training, ended, step, steps, loss } = engine.clip;
    place.hidden = !training;
    if (before && !training) messages.say(ended || "The training has ended");
    before = Boolean(training);
    const said = ["training"];
    if (Number.isFinite(step)) said.push(Number.isFinite(steps) ? `step ${step} of ${steps}` : `step ${step}`);
    if (Number.isFinite(loss)) said.push(`loss ${loss.toPrecision(3)}`);
    place.textContent = said.join(" · ");
    place.style.setProperty("--share", `${Number.isFinite(step) && steps > 0 ? (100 * step) / steps : 0}%`);
  };
  engine.addEventListener("clip", show);
  show();
}
