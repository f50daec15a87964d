export { findCauses } from './find.ts';
export type { CauseQuestion } from './search.ts';
