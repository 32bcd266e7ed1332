import { plugin } from './wiring/plugin';

export { IFlow } from './tokens';
export default [plugin];
