data "aws_region" "current" {}

resource "aws_cloudwatch_log_group" "bot" {
  name              = "/ecs/${var.name}"
  retention_in_days = 30
}

data "aws_iam_policy_document" "tasks_assume" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["ecs-tasks.amazonaws.com"]
    }
  }
}

# What starts the task: it pulls the image, writes the log and reads the two secrets. The bot itself may do nothing at AWS.
resource "aws_iam_role" "execution" {
  name               = "${var.name}-execution"
  assume_role_policy = data.aws_iam_policy_document.tasks_assume.json
}

resource "aws_iam_role_policy_attachment" "execution" {
  role       = aws_iam_role.execution.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
}

data "aws_iam_policy_document" "secrets" {
  statement {
    actions   = ["secretsmanager:GetSecretValue"]
    resources = [var.bot_token_secret_arn, var.cloudflare_api_token_secret_arn]
  }
}

resource "aws_iam_role_policy" "secrets" {
  name   = "secrets"
  role   = aws_iam_role.execution.id
  policy = data.aws_iam_policy_document.secrets.json
}

resource "aws_ecs_task_definition" "bot" {
  family                   = var.name
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = 256
  memory                   = 512
  execution_role_arn       = aws_iam_role.execution.arn

  container_definitions = jsonencode([
    {
      name                   = "bot"
      image                  = var.image
      essential              = true
      command                = ["--config", var.config_uri, "--port", "8080", "--grace-seconds", "10"]
      user                   = "1000:1000"
      readonlyRootFilesystem = true
      stopTimeout            = 30

      portMappings = [{ name = "http", containerPort = 8080, protocol = "tcp" }]

      secrets = [
        { name = "BOT_TOKEN", valueFrom = var.bot_token_secret_arn },
        { name = "CLOUDFLARE_API_TOKEN", valueFrom = var.cloudflare_api_token_secret_arn },
      ]

      # Only whether it lives: ECS ends a task that fails this, and readiness is the target group's.
      healthCheck = {
        command     = ["CMD", "node", "-e", "fetch('http://127.0.0.1:8080/liveness').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
        interval    = 10
        timeout     = 3
        retries     = 3
        startPeriod = 5
      }

      linuxParameters = {
        capabilities = { drop = ["ALL"] }
      }

      logConfiguration = {
        logDriver = "awslogs"
        options = {
          "awslogs-group"         = aws_cloudwatch_log_group.bot.name
          "awslogs-region"        = data.aws_region.current.region
          "awslogs-stream-prefix" = "bot"
        }
      }
    },
  ])
}

resource "aws_ecs_service" "bot" {
  name            = var.name
  cluster         = var.cluster_arn
  task_definition = aws_ecs_task_definition.bot.arn
  desired_count   = var.desired_count
  launch_type     = "FARGATE"

  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 200

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  network_configuration {
    subnets         = var.subnet_ids
    security_groups = var.security_group_ids
  }

  load_balancer {
    target_group_arn = var.target_group_arn
    container_name   = "bot"
    container_port   = 8080
  }
}
