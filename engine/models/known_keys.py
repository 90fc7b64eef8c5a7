"""The keys of a config.json that a family reads, or that change nothing in an answer. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.models.foreign import FOREIGN
from engine.models.spellings import SPELLINGS

_READ = """
activation activation_function enable_bias ffn_dim ffn_hidden_size first_k_dense_replace head_dim hidden_act
hidden_activation hidden_size intermediate_size is_decoder layer_norm_elementwise_affine layer_norm_eps
layer_norm_epsilon layer_types max_position_embeddings max_window_layers mlp_only_layers moe_intermediate_size
moe_layer_freq n_group n_inner n_shared_experts no_rope_layer_interval norm_epsilon norm_topk_prob
num_attention_heads num_experts_per_tok num_hidden_layers num_key_value_heads num_ln_in_parallel_attn
num_mtp_layers num_nextn_predict_layers original_max_position_embeddings q_lora_rank qk_head_dim qk_nope_head_dim
qk_rope_head_dim rms_norm_eps rope_local_base_freq rope_parameters rope_scaling rope_theta routed_scaling_factor
scoring_func shared_expert_intermediate_size decoder_sparse_step swiglu_alpha swiglu_limit tie_word_embeddings
topk_group topk_method v_head_dim vocab_size word_embed_proj_dim _remove_final_layer_norm _sliding_window_pattern
experts_per_token initial_context_length
attention_windows backout_layer expert_hidden_size expert_layers inference_rope_scaling num_shared_experts
query_key_scale residual_scales router_bias smear_channels use_moe value_embedding_layers value_gate_channels
value_gate_range weights_in_out
"""
# What trainers and libraries keep for themselves: how training, saving and generating go, not what is computed.
_HARMLESS = """
_attn_implementation _attn_implementation_autoset _commit_hash _flash_attn_2_enabled _name_or_path architectures
attention_dropout attn_implementation attn_pdrop aux_loss_alpha auto_map bad_words_ids begin_suppress_tokens
bos_token_id cache_implementation chunk_size_feed_forward classifier_dropout classifier_dropout_prob
cross_attention_hidden_size custom_pipelines decoder_start_token_id diversity_penalty do_sample dropout
dtype early_stopping embd_pdrop embedding_dropout embed_dropout encoder_no_repeat_ngram_size eos_token_id
exponential_decay_length_penalty finetuning_task flash_attention forced_bos_token_id forced_eos_token_id
gradient_checkpointing hidden_dropout hidden_dropout_prob id2label init_std initializer_range
keys_to_ignore_at_inference label2id layerdrop length_penalty masked_softmax_fusion max_length min_length model_type
no_repeat_ngram_size num_beam_groups num_beams num_labels num_return_sequences offset_alibi output_attentions
output_hidden_states output_router_logits output_scores pad_token_id prefix pretraining_tp problem_type
pruned_heads remove_invalid_values repetition_penalty resid_pdrop residual_dropout return_dict
return_dict_in_generate router_aux_loss_coef router_jitter_noise sep_token_id seq_aux skip_bias_add
skip_bias_add_qkv slow_but_exact suppress_tokens summary_activation summary_first_dropout summary_proj_to_labels
summary_type summary_use_proj task_specific_params temperature tf_legacy_loss tie_encoder_decoder tokenizer_class
top_k top_p torch_dtype torchscript transformers.js_config transformers_version typical_p unk_token_id
unsloth_fixed unsloth_version use_bfloat16 use_cache compression_config quantization ep_size
"""
KNOWN = (
    frozenset(_READ.split())
    | frozenset(_HARMLESS.split())
    | FOREIGN.keys()
    | {name for each in SPELLINGS.values() for names in each.values() for name in names}
)


def unknown_keys(config: Mapping[str, Any]) -> list[str]:
    """The keys whose meaning is not known here, in their order, those without a value left out."""
    return [key for key, value in config.items() if value is not None and key not in KNOWN]
