// @ts-check
/** The shapes that pass between the modules; it holds no code and the browser never fetches it. */

/** @typedef {"unloaded"|"queued"|"loading"|"ready"|"unloading"|"failed"} ModelState */
/** @typedef {{ code: string, message: string, hint?: string|null }} Problem */

/**
 * One model at one moment, as `/api/models/<id>/status` has it.
 * @typedef {object} Status
 * @property {string} id
 * @property {ModelState} state
 * @property {{ stage: string, fraction: number }|null} [progress]
 * @property {Problem|null} [error]
 * @property {number} [running]
 * @property {number} [waiting]
 * @property {number} [memory_bytes]
 * @property {string|null} [precision]
 * @property {string|null} [device]
 * @property {number|null} [context_length]
 */

/**
 * One checkpoint of the list.
 * @typedef {object} Model
 * @property {string} id
 * @property {string} name
 * @property {string} group
 * @property {string} format
 * @property {string|null} [run]
 * @property {string|null} [family]
 * @property {string|null} [architecture]
 * @property {number|null} [parameters]
 * @property {string|null} [dtype]
 * @property {number} [size_bytes]
 * @property {number|null} [context_length]
 * @property {number|null} [step]
 * @property {number|null} [epoch]
 * @property {{ kind: string, value: number }|null} [loss]
 * @property {string|null} [stage]
 * @property {string|null} [parent]
 * @property {{ kind: string, source: string }|null} [tokenizer]
 * @property {{ source: string }|null} [chat_template]
 * @property {Record<string, string>} [evidence]
 * @property {Record<string, unknown>} [sampling_defaults]
 * @property {{ weights_bytes: number, kv_bytes_per_token: number, total_bytes: number, fits: boolean }|null} [memory]
 * @property {Status} status
 * @property {Problem|null} [problem]
 */

/**
 * The answer of `/api/models`.
 * @typedef {object} Listing
 * @property {Model[]} models
 * @property {string[]} groups
 * @property {{ at: number, seconds: number, skipped: { path: string, reason: string }[] }} scan
 * @property {{ budget_bytes: number, used_bytes: number }} memory
 * @property {string|null} default
 * @property {string|null} current
 */

/** @typedef {"chat"|"completion"} Mode */
/** @typedef {"complete"|"streaming"|"cancelled"|"failed"|"interrupted"} MessageStatus */
/** @typedef {Record<"prompt_tokens"|"completion_tokens"|"total_tokens"|"cached_tokens", number>} Usage */
/** @typedef {{ stage: string, fraction: number, queue_position?: number }} Progress */

/**
 * One turn as the page keeps it. The fields from `model` on belong to answers.
 * @typedef {object} Message
 * @property {string} id
 * @property {"user"|"assistant"} role
 * @property {string} content
 * @property {MessageStatus} status
 * @property {Mode} mode
 * @property {string|null} [model]
 * @property {string|null} [modelName]
 * @property {Progress|null} [progress]
 * @property {number|null} [limit]        the most tokens the answer may have
 * @property {boolean} [truncated]        the start of the conversation was left out
 * @property {string|null} [finishReason]
 * @property {Usage|null} [usage]
 * @property {Record<string, number>|null} [timings]
 * @property {Problem|null} [error]
 */

/**
 * One event of a run's stream; which fields it has depends on `type`. `accepted` is ours: the response's headers came.
 * @typedef {object} RunEvent
 * @property {"accepted"|"start"|"progress"|"token"|"done"|"error"} type
 * @property {string} [run_id]
 * @property {string} [stage]
 * @property {number} [fraction]
 * @property {number} [queue_position]
 * @property {string} [text]
 * @property {number} [index]
 * @property {string} [finish_reason]
 * @property {number} [max_new_tokens]
 * @property {boolean} [truncated]
 * @property {Usage|null} [usage]
 * @property {Record<string, number>|null} [timings]
 * @property {Problem & { param?: string|null }} [error]
 */

/** @typedef {"retry"|"new-chat"|"completion"|"pick"} NoticeAction */

/**
 * What the error bar shows.
 * @typedef {object} Notice
 * @property {string} message
 * @property {string|null} [hint]
 * @property {string|null} [said]         the server's own words, where the message is their translation
 * @property {string|null} [code]
 * @property {string|null} [param]
 * @property {string|null} [requestId]
 * @property {NoticeAction[]} actions
 */

/**
 * @typedef {object} Catalog
 * @property {"loading"|"listed"|"failed"} phase
 * @property {boolean} reachable
 * @property {Model[]} models
 * @property {string[]} groups
 * @property {Listing["scan"]["skipped"]} skipped
 * @property {Listing["memory"]} memory
 * @property {string|null} selectedId
 */

/** @typedef {{ id: string|null, mode: Mode, messages: Message[] }} Conversation */

/**
 * The answer being written; `replaced` is the answer it was asked to better, kept until it has text.
 * @typedef {{ id: string|null, answerId: string, isStopping: boolean, replaced: Message|null }} Run
 */

/** @typedef {{ catalog: Catalog, conversation: Conversation, run: Run|null, notice: Notice|null }} State */

export {};
