variable "name" {
  description = "Of the task, its service, its roles and its log group."
  type        = string
  default     = "bot-example"
}

variable "image" {
  description = "The image with its tag or digest."
  type        = string
}

variable "cluster_arn" {
  description = "The cluster that the service runs in."
  type        = string
}

variable "subnet_ids" {
  description = "Where tasks run: with a way out to api.cloudflare.com."
  type        = list(string)
}

variable "security_group_ids" {
  description = "Of the tasks: in on port 8080 from the load balancer, out on 443."
  type        = list(string)
}

variable "target_group_arn" {
  description = "Of the load balancer, of type ip, with /readiness as its health check."
  type        = string
}

variable "config_uri" {
  description = "Where the configuration is: kv://<account>/<namespace>/<key>."
  type        = string

  validation {
    condition     = can(regex("^kv://[^/]+/[^/]+/.+$", var.config_uri))
    error_message = "It must be kv://<account>/<namespace>/<key>."
  }
}

variable "bot_token_secret_arn" {
  description = "Secrets Manager: what the chat sends as bearer."
  type        = string
}

variable "cloudflare_api_token_secret_arn" {
  description = "Secrets Manager: an API token with Workers KV Storage: Read."
  type        = string
}

variable "desired_count" {
  description = "How many tasks run."
  type        = number
  default     = 2
}
