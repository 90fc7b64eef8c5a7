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
/** @typedef {import("./transcript/blocks.js").ShownBlock} ShownBlock */

/**
 * One turn. The fields are the server's, those from `siblings` on are the page's own; from `reasoning` on they belong
 * to answers.
 * @typedef {object} Message
 * @property {string} id
 * @property {string|null} parent_id
 * @property {"system"|"user"|"assistant"} role
 * @property {string} content
 * @property {MessageStatus} status
 * @property {number} [created_at]        seconds since 1970
 * @property {number} [updated_at]
 * @property {string|null} [html]         safe HTML of the whole text; null while it is being written
 * @property {string|null} [reasoning]    what stood between think tags
 * @property {string|null} [finish_reason]
 * @property {string|null} [run_id]
 * @property {string|null} [model]
 * @property {Record<string, any>|null} [asked]       what was named for it; `raw` says that it goes on with a text
 * @property {Record<string, any>|null} [parameters]  all that it was made with
 * @property {number|null} [seed]
 * @property {Usage|null} [usage]
 * @property {Record<string, number>|null} [timings]
 * @property {Record<string, any>|null} [receipt]
 * @property {Problem|null} [error]
 * @property {string|null} [warning]
 * @property {string[]} [siblings]        the versions of this place in the conversation, oldest first, itself among them
 * @property {ShownBlock[]} [blocks]      what is shown of an answer that is or was written before our eyes
 * @property {Progress|null} [progress]   what it waits for
 * @property {number} [tokens]            how many came before our eyes
 * @property {number|null} [limit]        the most tokens it may have
 * @property {boolean} [isPending]        the server does not know of it yet
 */

/**
 * One event of a run; which fields it has depends on `type`. `accepted` is ours: the response's headers came.
 * @typedef {object} RunEvent
 * @property {"accepted"|"start"|"progress"|"token"|"block"|"snapshot"|"done"|"error"} type
 * @property {string} [run_id]
 * @property {string} [stage]
 * @property {number} [fraction]
 * @property {number} [queue_position]
 * @property {string} [text]
 * @property {number} [index]
 * @property {string} [html]
 * @property {boolean} [final]
 * @property {import("./transcript/blocks.js").BlockEvent[]} [blocks]
 * @property {string} [finish_reason]
 * @property {number} [max_new_tokens]
 * @property {boolean} [truncated]
 * @property {Usage|null} [usage]
 * @property {Record<string, number>|null} [timings]
 * @property {Message} [message]          as it was stored at its end
 * @property {Problem & { param?: string|null }} [error]
 */

/** @typedef {"retry"|"new-chat"|"completion"|"pick"|"unkept"} NoticeAction */

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

/**
 * A conversation as the list shows it.
 * @typedef {object} Entry
 * @property {string} id
 * @property {string} title
 * @property {string|null} model
 * @property {string|null} system
 * @property {Record<string, any>} parameters
 * @property {string|null} leaf_id
 * @property {boolean} pinned
 * @property {boolean} archived
 * @property {number} created_at          seconds since 1970
 * @property {number} updated_at
 * @property {boolean} [answering]        whether an answer is being computed there
 * @property {string} [snippet]           where the words that were looked for stand
 */

/**
 * The conversations that are listed.
 * @typedef {object} Library
 * @property {"loading"|"listed"|"failed"} phase
 * @property {Entry[]} entries
 * @property {string|null} next           where the next page begins
 * @property {string} words               what is looked for
 * @property {boolean} archived           whether the archive is listed
 * @property {Problem|null} problem       why there are none to list
 */

/**
 * The conversation on the page: the end of the path that is shown. Without an id it is not yet the server's.
 * @typedef {object} Conversation
 * @property {string|null} id
 * @property {"open"|"loading"|"missing"} phase
 * @property {string} title
 * @property {string|null} system
 * @property {Record<string, any>} parameters
 * @property {Mode|null} mode             null leaves it to the model
 * @property {Message[]} messages
 * @property {string|null} earlier        the message before which there is more
 * @property {boolean} isUnkept           whether no database keeps it
 */

/** The answer that is followed. @typedef {{ id: string|null, messageId: string, isStopping: boolean, isLost: boolean }} Run */

/** @typedef {{ catalog: Catalog, library: Library, conversation: Conversation, run: Run|null, notice: Notice|null }} State */

export {};
