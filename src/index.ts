/** The library: the loop inside a program of your own, with step kinds of your own. */
export { type App, type AppOptions, createApp as createOpsloop } from './app.ts';
export { type Config, readConfig } from './config.ts';
export { AppError, type ErrorCode, ERRORS } from './errors.ts';
export type { Claim } from './engine/schema.ts';
export { serveHttp } from './http/serve.ts';
export { makeLog, silentLog } from './log.ts';
export { refusalOf } from './loop/answer.ts';
export type { Admission, ProposalRequest } from './loop/schema.ts';
export {
  type Handler,
  type Handlers,
  type StepContext,
  StepError,
  type StepResult,
} from './worker/handler.ts';
