export type MockNodeErrorCode = 'invalid_scenario' | 'not_started';

/** The mock node cannot be configured or started. `code` is stable; `message` is for people. */
export class MockNodeError extends Error {
  override readonly name = 'MockNodeError';
  readonly code: MockNodeErrorCode;

  constructor(code: MockNodeErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
