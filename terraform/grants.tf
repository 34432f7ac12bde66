# Lake Formation's grants to the analyst role. They name tables, so the tables come first.

resource "aws_lakeformation_permissions" "database" {
  for_each = local.described

  principal   = aws_iam_role.analyst["lake"].arn
  permissions = ["DESCRIBE"]

  database {
    name = each.key
  }

  depends_on = [aws_glue_catalog_database.this, aws_lakeformation_resource.warehouse]
}

resource "aws_lakeformation_permissions" "gold" {
  for_each = local.governed

  principal   = aws_iam_role.analyst["lake"].arn
  permissions = ["DESCRIBE", "SELECT"]

  table {
    database_name = local.databases.emt_gold
    wildcard      = true
  }

  depends_on = [aws_lambda_invocation.tables, aws_lakeformation_resource.warehouse]
}

resource "aws_lakeformation_permissions" "columns" {
  for_each = local.analyst_columns

  principal   = aws_iam_role.analyst["lake"].arn
  permissions = ["SELECT"]

  table_with_columns {
    database_name         = local.split_names[each.key].database
    name                  = local.split_names[each.key].table
    wildcard              = true
    excluded_column_names = each.value
  }

  depends_on = [aws_lambda_invocation.tables, aws_lakeformation_resource.warehouse]
}

resource "aws_lakeformation_data_cells_filter" "rows" {
  for_each = local.analyst_rows

  table_data {
    table_catalog_id = local.account
    database_name    = local.split_names[each.key].database
    table_name       = local.split_names[each.key].table
    name             = "${local.name}-analyst"

    column_wildcard {
      excluded_column_names = ["source_uri", "source_row"]
    }
    row_filter {
      filter_expression = each.value
    }
  }

  depends_on = [aws_lambda_invocation.tables, aws_lakeformation_resource.warehouse]
}

resource "aws_lakeformation_permissions" "rows" {
  for_each = local.analyst_rows

  principal   = aws_iam_role.analyst["lake"].arn
  permissions = ["SELECT"]

  data_cells_filter {
    table_catalog_id = local.account
    database_name    = local.split_names[each.key].database
    table_name       = local.split_names[each.key].table
    name             = aws_lakeformation_data_cells_filter.rows[each.key].table_data[0].name
  }
}

# Hybrid access: without it a principal is not held to the grants at all.
resource "aws_lakeformation_opt_in" "analyst" {
  for_each = local.described

  principal {
    data_lake_principal_identifier = aws_iam_role.analyst["lake"].arn
  }
  resource_data {
    table {
      database_name = each.key
      wildcard      = true
    }
  }

  depends_on = [aws_lakeformation_permissions.database, aws_lambda_invocation.tables]
}
