output "task_definition_arn" {
  description = "Of the newest revision."
  value       = aws_ecs_task_definition.bot.arn
}

output "log_group_name" {
  description = "Where the bot's lines of JSON are."
  value       = aws_cloudwatch_log_group.bot.name
}
