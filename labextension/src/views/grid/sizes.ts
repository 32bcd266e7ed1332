/** Sizes of the grid in pixels; the style sheet has the same ones. */
export const ROW = 22;
export const CELL = 18;
export const NAMES = 250;
export const HEAD = 92;
/** Least room of the Gantt chart. */
export const GANTT = 320;
